import type { Logger } from '@herald/runtime'
import type { SendOutcome } from '../send-outcome.js'
import { isAscii } from './envelope.js'
import { SmtpOutage, type SmtpTimeouts } from './open-connection.js'
import type { OutgoingMail } from './outgoing-mail.js'
import { SmtpSession } from './smtp-session.js'
import type { SmtpServer } from './smtp-url.js'

export interface SmtpSenderOptions {
  readonly server: SmtpServer
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

/** Hands mails to one server over a few connections that are used again. */
export interface SmtpSender {
  /**
   * Waits for a free connection and hands `mail` over. `beforeBody` as in SmtpSession.send, and
   * `send` rejects only with what that or composing rejects with. It is called a second time where a kept
   * connection turned out dead between the 354 and the first byte.
   */
  send(mail: OutgoingMail, beforeBody: () => Promise<void>): Promise<SendOutcome>
  /** Resolves when the server greets us and takes our credentials. Rejects with SmtpOutage. */
  probe(): Promise<void>
  /** Hangs up; mails in flight end as an outage or as unknown. Idempotent. */
  close(): void
}

/** Some servers end a session after this many mails, and not all of them politely. */
const mailsPerSession = 100

/** After this much silence a server may have hung up without our knowing. */
const freshMs = 1000

const stopping = 'the notifier is stopping'

const notNow = (reason: string, retryAfterMs: number): SendOutcome => ({
  kind: 'postponed',
  reason,
  retryAfterMs,
})

/** Whether the connection ended, or the server closed it, before any answer about the mail. */
const isLost = (outcome: SendOutcome) =>
  outcome.kind === 'outage' ||
  (outcome.kind === 'suspect' && (outcome.unanswered === true || outcome.reply.startsWith('421')))

export function createSmtpSender(options: SmtpSenderOptions): SmtpSender {
  const { server, connections, logger, idleMs = 10_000 } = options
  const timeoutMs = options.timeoutMs ?? 120_000
  const timeouts: SmtpTimeouts = {
    connectMs: Math.min(15_000, timeoutMs),
    envelopeMs: Math.min(60_000, timeoutMs),
    replyMs: timeoutMs,
    ...options.timeouts,
  }
  const idle: SmtpSession[] = []
  const busy = new Set<SmtpSession>()
  const waiting: (() => void)[] = []
  let slots = connections
  let closed = false

  const sweep = setInterval(() => {
    const oldest = Date.now() - idleMs
    for (const session of idle.splice(0)) {
      if (session.usable && session.idleSince > oldest) idle.push(session)
      else session.quit()
    }
  }, idleMs / 2)
  sweep.unref()

  async function takeIdle(): Promise<SmtpSession | undefined> {
    for (let session = idle.pop(); session; session = idle.pop()) {
      if (!session.usable) continue
      if (Date.now() - session.idleSince < freshMs || (await session.reset())) return session
    }
    return undefined
  }

  async function putBack(session: SmtpSession, outcome: SendOutcome): Promise<void> {
    if (closed || !session.usable || session.mails >= mailsPerSession) return session.quit()
    if (outcome.kind !== 'accepted' && !(await session.reset())) return
    idle.push(session)
  }

  async function sendOn(
    session: SmtpSession,
    mail: OutgoingMail,
    beforeBody: () => Promise<void>,
  ): Promise<SendOutcome> {
    if (!session.takesUtf8Addresses && !isAscii(mail.to)) {
      idle.push(session)
      return {
        kind: 'refused',
        failure: 'recipient refused',
        reply: 'The mail server does not take addresses beyond ASCII (it offers no SMTPUTF8).',
      }
    }
    busy.add(session)
    try {
      const outcome = await session.send(mail, beforeBody)
      await putBack(session, outcome)
      return outcome
    } finally {
      busy.delete(session)
    }
  }

  async function attempt(
    mail: OutgoingMail,
    beforeBody: () => Promise<void>,
  ): Promise<SendOutcome> {
    const used = await takeIdle()
    if (used) {
      const outcome = await sendOn(used, mail, beforeBody)
      // A connection that died unnoticed says nothing about the server: ask on a new one.
      if (!isLost(outcome) || closed) return outcome
      logger.debug('a kept connection was stale')
    }
    try {
      return await sendOn(await SmtpSession.open(server, timeouts), mail, beforeBody)
    } catch (error) {
      if (!(error instanceof SmtpOutage)) throw error
      const { message: reason, lasting } = error
      return { kind: 'outage', reason, lasting, seenByProbe: true }
    }
  }

  return {
    async send(mail, beforeBody) {
      while (slots === 0) await new Promise<void>((resolve) => waiting.push(resolve))
      if (closed) return { kind: 'outage', reason: stopping }
      if (mail.isWanted?.() === false) {
        waiting.shift()?.()
        return notNow('the mail server is out of service', 0)
      }
      slots -= 1
      try {
        const outcome = await attempt(mail, beforeBody)
        // What we end ourselves says nothing about the mail or the server.
        return closed && isLost(outcome) ? { kind: 'outage', reason: stopping } : outcome
      } finally {
        slots += 1
        waiting.shift()?.()
      }
    },
    async probe() {
      const session = await SmtpSession.open(server, timeouts)
      session.quit()
    },
    close() {
      closed = true
      clearInterval(sweep)
      for (const session of idle.splice(0)) session.quit()
      for (const session of busy) session.close()
      for (const wake of waiting.splice(0)) wake()
    },
  }
}
