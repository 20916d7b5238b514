import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type SMTPConnection from 'nodemailer/lib/smtp-connection'
import type { SMTPConnectionEnvelope, SMTPEnvelope } from 'nodemailer/lib/smtp-connection'
import { type BeforeBody, NotHeld } from '../before-body.js'
import { resultOf } from '../response-table.js'
import type { SendResult } from '../send-result.js'
import {
  type ConnectionOptions,
  type OpenConnection,
  openConnection,
  type SmtpFailure,
  type SmtpTimeouts,
  within,
} from './open-connection.js'

/** A mail as it goes over the wire. */
export interface SmtpMail {
  /** Envelope addresses, without angle brackets. */
  readonly from: string
  readonly to: string
  readonly bytes: Buffer
}

/** How far the attempt had come when it ended. */
type SendPhase =
  /** Before the first byte of the body was written. */
  | 'envelope'
  /** At least one byte of the body was written. */
  | 'body'

/** The server has nothing to do for RSET. */
const maxResetMs = 5000
/** How long to wait for the reply to QUIT. */
const maxQuitMs = 1000

/** One connection to the mail server, greeted and logged in. One mail at a time. */
export class SmtpSession {
  readonly #connection: SMTPConnection
  readonly #timeouts: SmtpTimeouts
  /** The server accepts addresses beyond ASCII (RFC 6531). */
  readonly supportsSmtpUtf8: boolean
  #bodyRefused = false
  #closed = false
  /** Ends the command under way when the connection closes. */
  #reject: ((failure: SmtpFailure) => void) | undefined
  /** The server did not answer in time. */
  timedOut = false
  /** Mails sent or tried. */
  mails = 0
  /** By performance.now(). */
  idleSince = performance.now()

  private constructor(
    { connection, supportsSmtpUtf8 }: OpenConnection,
    { timeouts }: ConnectionOptions,
  ) {
    this.#connection = connection
    this.#timeouts = timeouts
    this.supportsSmtpUtf8 = supportsSmtpUtf8
    let failure: SmtpFailure = { message: 'the connection was closed' }
    connection.on('error', (error) => {
      failure = error
    })
    // After 'end' nodemailer rejects a pending send with the reply, unless we closed the connection.
    connection.once('end', () => queueMicrotask(() => this.#reject?.(failure)))
  }

  /** Connects, greets, encrypts and logs in. Rejects with SmtpOutage. */
  static async open(options: ConnectionOptions): Promise<SmtpSession> {
    return new SmtpSession(await openConnection(options), options)
  }

  get usable(): boolean {
    return !this.#closed && !this.#connection.destroyed
  }

  /**
   * Sends `mail`. `beforeBody` is awaited after the server's 354 and before the first byte of the
   * body is written. If it rejects, nothing of the body is written, the session ends, and `send`
   * rejects with the same error; the same, with NotHeld, if the check it resolves to returns false.
   * Otherwise it resolves, whatever happens.
   */
  async send({ from, to, bytes }: SmtpMail, beforeBody: BeforeBody): Promise<SendResult> {
    this.mails += 1
    // nodemailer adds the refusals of recipients to it.
    const envelope: SMTPEnvelope & Partial<Pick<SMTPConnectionEnvelope, 'rejectedErrors'>> = {
      from,
      to,
      size: bytes.length,
    }
    let phase = 'envelope' as SendPhase
    let begun: Promise<void> | undefined
    let rejection: { readonly error: unknown } | undefined
    let timer = this.#limit(this.#timeouts.envelopeMs, 'no answer to the envelope in time')
    // nodemailer starts to read the body after the server's 354.
    const body = new Readable({
      read: () => {
        clearTimeout(timer)
        begun = beforeBody().then(
          (isHeld) => {
            // The connection may have been lost meanwhile.
            if (body.destroyed) return
            timer = this.#limit(this.#timeouts.replyMs, 'no reply to the body in time')
            if (!isHeld()) {
              rejection = { error: new NotHeld() }
              return this.close()
            }
            phase = 'body'
            body.push(bytes)
            body.push(null)
          },
          (error: unknown) => {
            rejection = { error }
            this.close()
          },
        )
      },
    })
    try {
      const reply = await this.#command<string>((resolve, reject) => {
        this.#connection.send(envelope, body, (error, info) =>
          error ? reject(error) : resolve(info.response),
        )
      })
      if (phase === 'envelope') throw new Error(`a reply before the body: ${reply}`)
      // Until then nodemailer has not processed unsolicited replies, which close the connection.
      await nextTurn()
      return { kind: 'accepted', reply }
    } catch (error) {
      // After a reply that came too early nodemailer would still send the body.
      body.destroy()
      await begun
      if (rejection) throw rejection.error
      const failure = error as SmtpFailure
      // A recipient's refusal counts, also if the connection ended before the reply to DATA.
      const isLost = phase === 'envelope' && (failure.command ?? 'CONN') === 'CONN'
      const result = resultOfFailure((isLost && envelope.rejectedErrors?.[0]) || failure, phase)
      this.#bodyRefused = phase === 'body'
      const isUnanswered = result.kind === 'possibleServerFailure' && result.unanswered
      const awaitsBody = begun !== undefined && phase === 'envelope'
      if (awaitsBody || isUnanswered || result.kind === 'outage' || result.kind === 'unknown') {
        this.close()
      }
      return result
    } finally {
      clearTimeout(timer)
      this.idleSince = performance.now()
    }
  }

  /**
   * Ends a refused envelope. Resolves to whether the connection can be used again; after a refused
   * body it cannot, because the rest of that may still be on its way.
   */
  async reset(): Promise<boolean> {
    if (!this.usable || this.#bodyRefused) return false
    try {
      const answered = this.#command<void>((resolve, reject) => {
        this.#connection.reset((error) => (error ? reject(error) : resolve()))
      })
      await within(Math.min(maxResetMs, this.#timeouts.envelopeMs), answered)
      return this.usable
    } catch {
      this.close()
      return false
    }
  }

  /** Closes the connection, which ends a mail in flight. Idempotent. */
  close(): void {
    this.#closed = true
    this.#connection.close()
  }

  /** Sends QUIT and closes the connection, if no mail is in flight. Idempotent. */
  quit(): void {
    if (this.usable) {
      this.#closed = true
      this.#connection.quit()
      setTimeout(() => this.close(), maxQuitMs).unref()
    } else if (!this.#closed) this.close()
  }

  #command<T>(
    run: (resolve: (value: T) => void, reject: (failure: SmtpFailure) => void) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#reject = reject
      run(resolve, reject)
    })
  }

  #limit(ms: number, message: string): NodeJS.Timeout {
    return setTimeout(() => {
      this.timedOut = true
      this.#reject?.({ message, code: 'ETIMEDOUT' })
      this.close()
    }, ms)
  }
}

function resultOfFailure(failure: SmtpFailure, phase: SendPhase): SendResult {
  const { message, code, command = 'CONN', response, responseCode } = failure
  if (response === undefined && phase === 'envelope') {
    // nodemailer found them before it sent anything.
    if (code === 'EMESSAGE') return { kind: 'tooLarge', reply: message, failure: 'too large' }
    if (code === 'EENVELOPE') {
      return { kind: 'refused', reply: message, failure: 'recipient refused' }
    }
  }
  return resultOf({
    command: phase === 'body' ? 'BODY' : command,
    code: responseCode ?? 0,
    reply: response ?? message,
  })
}
