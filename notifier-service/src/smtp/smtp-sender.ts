import type { Logger } from '@herald/runtime'
import type { BeforeBody } from '../before-body.js'
import type { SendResult } from '../send-result.js'
import { createHangLimit } from './hang-limit.js'
import { accessTokens, type SmtpOAuth2, SmtpOutage, type SmtpTimeouts } from './open-connection.js'
import { type SmtpMail, SmtpSession } from './smtp-session.js'
import type { SmtpServer } from './smtp-url.js'

export interface SmtpSenderOptions {
  readonly server: SmtpServer
  /** The name sent with EHLO. Default: this machine's name if it has a dot, else [127.0.0.1]. */
  readonly ehloName?: string | undefined
  /** Logs in as the server's user with access tokens instead of a password. */
  readonly oauth2?: SmtpOAuth2 | undefined
  /** Most connections at once. */
  readonly connections: number
  readonly logger: Logger
  /**
   * How long an answer may take, in milliseconds. Default two minutes: RFC 5321 §4.5.3.2.6 asks
   * for ten after the body, in which a few stalled mails would hold every connection.
   */
  readonly timeoutMs?: number
  readonly timeouts?: Partial<SmtpTimeouts>
  /** How long an unused connection is kept, in milliseconds. Default 10,000. */
  readonly idleMs?: number
}

export interface OutgoingMail {
  /** Envelope addresses, without angle brackets. */
  readonly from: string
  readonly to: string
  /** Called when a connection is free. Every line ends with CRLF. */
  readonly compose: () => Buffer
  /** Asked when a connection is free; if false, nothing is sent and the result is `postponed`. Default true. */
  readonly isWanted?: () => boolean
}

/** Sends mails to one server over a few connections that are used again. */
export interface SmtpSender {
  /**
   * Waits for a free connection and sends `mail`. `beforeBody` is awaited as in SmtpSession.send;
   * it is called again if a kept connection turns out to be dead between the 354 and the first
   * byte. Rejects only with what `beforeBody` rejects with or `compose` throws.
   */
  send(mail: OutgoingMail, beforeBody: BeforeBody): Promise<SendResult>
  /** Resolves when the server greets us and accepts our credentials. Rejects with SmtpOutage. */
  probe(): Promise<void>
  /** Closes all connections; mails in flight end as an outage or as unknown. Idempotent. */
  close(): void
}

/** Some servers end a session after this many mails, and not all of them with a 421. */
const mailsPerSession = 100

/** A server may have closed a connection that was idle for longer than this. */
const freshMs = 1000

/** How often to check for mails that hang, while others wait. */
const preemptEveryMs = 100
/** How soon a mail that hung is tried again. */
const hangingRetryMs = 5000

interface Sent {
  readonly result: SendResult
  /** Resolves when the connection can be used again, or is closed. */
  readonly putBack: Promise<void>
}

const notSent = (result: SendResult): Sent => ({ result, putBack: Promise.resolve() })

const stopping = 'the notifier is stopping'

const postponed = (reason: string, retryAfterMs: number): SendResult => ({
  kind: 'postponed',
  reason,
  retryAfterMs,
})

/** Whether the connection ended, or the server closed it, before any answer about the mail. */
const isLost = (result: SendResult) =>
  result.kind === 'outage' ||
  (result.kind === 'possibleServerFailure' &&
    (result.unanswered === true || result.reply.startsWith('421')))

export function createSmtpSender(options: SmtpSenderOptions): SmtpSender {
  const { server, connections, logger, idleMs = 10_000 } = options
  const timeoutMs = options.timeoutMs ?? 120_000
  const timeouts: SmtpTimeouts = {
    connectMs: Math.min(15_000, timeoutMs),
    envelopeMs: Math.min(60_000, timeoutMs),
    replyMs: timeoutMs,
    ...options.timeouts,
  }
  const connectionOptions = {
    server,
    timeouts,
    ehloName: options.ehloName,
    oauth2: options.oauth2 && accessTokens(server, options.oauth2, timeouts),
  }
  const hangs = createHangLimit(connections)
  const idle: SmtpSession[] = []
  const busy = new Set<SmtpSession>()
  const waiting: (() => void)[] = []
  let slots = connections
  let preempting: NodeJS.Timeout | undefined
  let closed = false

  const sweep = setInterval(() => {
    const oldest = performance.now() - idleMs
    for (const session of idle.splice(0)) {
      if (session.usable && session.idleSince > oldest) idle.push(session)
      else session.quit()
    }
  }, idleMs / 2)
  sweep.unref()

  async function takeIdle(): Promise<SmtpSession | undefined> {
    let session = idle.pop()
    while (session !== undefined && !session.usable) session = idle.pop()
    if (session === undefined || performance.now() - session.idleSince < freshMs) return session
    if (await session.reset()) return session
    // The others have been idle for longer, and each could cost as long a wait.
    for (const older of idle.splice(0)) older.quit()
    return undefined
  }

  async function putBack(session: SmtpSession, result: SendResult): Promise<void> {
    const isReady = result.kind === 'accepted' ? session.usable : await session.reset()
    if (isReady && !closed && session.mails < mailsPerSession) idle.push(session)
    else session.quit()
  }

  async function sendOn(
    session: SmtpSession,
    mail: SmtpMail,
    beforeBody: BeforeBody,
  ): Promise<Sent> {
    if (closed) {
      session.quit()
      return notSent({ kind: 'outage', reason: stopping })
    }
    if (!session.supportsSmtpUtf8 && /[^\x20-\x7e]/.test(mail.to)) {
      idle.push(session)
      return notSent({
        kind: 'refused',
        failure: 'recipient refused',
        reply: 'The mail server accepts ASCII addresses only (it does not offer SMTPUTF8).',
      })
    }
    busy.add(session)
    const held = hangs.hold(mail.to, () => session.close())
    let result: SendResult | undefined
    try {
      result = await session.send(mail, () => {
        held.answered()
        return beforeBody()
      })
      if (held.preempted)
        result = postponed('no answer for this mailbox: other mails go first', hangingRetryMs)
      return { result, putBack: putBack(session, result) }
    } finally {
      busy.delete(session)
      held.end(
        result?.kind === 'unknown' ||
          (result?.kind === 'possibleServerFailure' && result.unanswered === true),
      )
    }
  }

  async function attempt(mail: SmtpMail, beforeBody: BeforeBody): Promise<Sent> {
    const used = await takeIdle()
    if (used) {
      const sent = await sendOn(used, mail, beforeBody)
      // A kept connection that is dead shows nothing about the server: try a new one.
      if (!isLost(sent.result) || used.timedOut || closed) return sent
      logger.debug('a kept connection was stale')
    }
    try {
      return await sendOn(await SmtpSession.open(connectionOptions), mail, beforeBody)
    } catch (error) {
      if (!(error instanceof SmtpOutage)) throw error
      const { message: reason, lasting } = error
      return notSent({ kind: 'outage', reason, lasting, provenByProbe: true })
    }
  }

  /** Resolves when a connection is free for this mail. */
  async function reserveSlot(): Promise<void> {
    while (slots === 0) {
      preemptWhileNeeded()
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    slots -= 1
  }

  function preemptWhileNeeded(): void {
    preempting ??= setInterval(() => {
      if (waiting.length > 0) return hangs.preemptHanging()
      clearInterval(preempting)
      preempting = undefined
    }, preemptEveryMs)
  }

  function releaseSlot(): void {
    slots += 1
    waiting.shift()?.()
  }

  return {
    async send(mail, beforeBody) {
      await reserveSlot()
      let putBack: Promise<void> = Promise.resolve()
      try {
        if (closed) return { kind: 'outage', reason: stopping }
        if (mail.isWanted?.() === false) return postponed('the mail server is out of service', 0)
        if (!hangs.admits(mail.to))
          return postponed('no answer for this mailbox: other mails go first', hangingRetryMs)
        const { from, to, compose } = mail
        const sent = await attempt({ from, to, bytes: compose() }, beforeBody)
        putBack = sent.putBack
        // A connection that we end shows nothing about the mail or the server.
        return closed && isLost(sent.result) ? { kind: 'outage', reason: stopping } : sent.result
      } finally {
        // A result does not wait for the RSET after it.
        void putBack.finally(releaseSlot)
      }
    },
    async probe() {
      const session = await SmtpSession.open(connectionOptions)
      session.quit()
    },
    close() {
      closed = true
      clearInterval(sweep)
      clearInterval(preempting)
      for (const session of idle.splice(0)) session.quit()
      for (const session of busy) session.close()
      for (const wake of waiting.splice(0)) wake()
    },
  }
}
