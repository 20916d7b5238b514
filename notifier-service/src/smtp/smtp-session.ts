import { Readable } from 'node:stream'
import type SMTPConnection from 'nodemailer/lib/smtp-connection'
import type { SMTPConnectionSendInfo } from 'nodemailer/lib/smtp-connection'
import type { SendOutcome } from '../send-outcome.js'
import { judge, type SendPhase, type SmtpFailure } from './judge.js'
import { openConnection, type SmtpTimeouts, within } from './open-connection.js'
import type { SmtpServer } from './smtp-url.js'

/** A mail as it goes over the wire. */
export interface OutgoingMail {
  /** Envelope addresses, without angle brackets. */
  readonly from: string
  readonly to: string
  readonly bytes: Uint8Array
}

/** One connection to the mail server, greeted and logged in. One mail at a time. */
export class SmtpSession {
  readonly #connection: SMTPConnection
  readonly #timeouts: SmtpTimeouts
  readonly #extensions: readonly string[]
  #ended: (failure: SmtpFailure) => void = () => {}
  #open = true
  /** Mails put to it. */
  mails = 0
  /** When it was last of use, as Date.now() tells. */
  idleSince = Date.now()

  private constructor(
    connection: SMTPConnection,
    timeouts: SmtpTimeouts,
    extensions: readonly string[],
  ) {
    this.#connection = connection
    this.#timeouts = timeouts
    this.#extensions = extensions
    // Whatever ends the connection also ends the mail in flight; an idle one is just gone.
    connection.on('error', (failure: SmtpFailure) => this.#end(failure))
    connection.on('end', () => {
      this.#open = false
      // After a 421 nodemailer closes first and then hands over what was said: let that be heard.
      setImmediate(() => this.#end({ message: 'the connection was closed' }))
    })
  }

  /** Connects, greets, encrypts and logs in as `server` asks for. Rejects with SmtpOutage. */
  static async open(server: SmtpServer, timeouts: SmtpTimeouts): Promise<SmtpSession> {
    const { connection, extensions } = await openConnection(server, timeouts)
    return new SmtpSession(connection, timeouts, extensions)
  }

  get usable(): boolean {
    return this.#open
  }

  /** Whether the server takes addresses beyond ASCII (RFC 6531). */
  get takesUtf8Addresses(): boolean {
    return this.#extensions.includes('SMTPUTF8')
  }

  /**
   * Hands `mail` over. `beforeBody` is awaited when the server has said 354 and before the first
   * byte of the body is written; when it rejects, nothing of the body is, the session ends, and
   * send rejects with the same. Else it resolves, whatever happens.
   */
  async send(mail: OutgoingMail, beforeBody: () => Promise<void>): Promise<SendOutcome> {
    this.mails += 1
    let phase: SendPhase = 'envelope'
    let refusal: { readonly error: unknown } | undefined
    const giveUp = (message: string) => this.#end({ message, code: 'ETIMEDOUT' })
    let timer = setTimeout(giveUp, this.#timeouts.envelopeMs, 'no answer to the envelope in time')
    const body = bodyAfter(async () => {
      clearTimeout(timer)
      try {
        await beforeBody()
      } catch (error) {
        refusal = { error }
        throw error
      }
      if (!this.#open) return
      phase = 'body'
      timer = setTimeout(giveUp, this.#timeouts.replyMs, 'no reply to the body in time')
    }, mail.bytes)
    try {
      const reply = await new Promise<string>((resolve, reject) => {
        this.#ended = reject
        this.#connection.send(
          { from: mail.from, to: [mail.to], size: mail.bytes.length },
          body,
          (failure: SmtpFailure | null, info?: SMTPConnectionSendInfo) =>
            failure ? reject(failure) : resolve(info?.response ?? ''),
        )
      })
      return { kind: 'accepted', reply }
    } catch (error) {
      if (refusal) {
        this.close()
        throw refusal.error
      }
      const outcome = judge(error as SmtpFailure, phase)
      // Between 354 and the end of the body there is no way back to a new envelope.
      if (outcome.kind === 'outage' || outcome.kind === 'unknown') this.close()
      return outcome
    } finally {
      clearTimeout(timer)
      this.#ended = () => {}
      this.idleSince = Date.now()
    }
  }

  /** Forgets a half-told envelope; also tells whether the connection still lives. */
  async reset(): Promise<boolean> {
    if (!this.#open) return false
    try {
      await within(
        this.#timeouts.envelopeMs,
        new Promise<void>((resolve, reject) => {
          this.#ended = reject
          this.#connection.reset((failure) => (failure ? reject(failure) : resolve()))
        }),
      )
      return this.#open
    } catch {
      this.close()
      return false
    } finally {
      this.#ended = () => {}
    }
  }

  /** Hangs up; a mail in flight ends by it. Idempotent. */
  close(): void {
    this.#end({ message: 'the connection was closed' })
  }

  /** Says goodbye, for a session without a mail in flight. Idempotent. */
  quit(): void {
    if (!this.#open) return
    this.#open = false
    this.#connection.quit()
    setTimeout(() => this.#connection.close(), 1000).unref()
  }

  #end(failure: SmtpFailure): void {
    const wasOpen = this.#open
    this.#open = false
    // Before closing, which would give a reason of its own.
    this.#ended(failure)
    if (wasOpen) this.#connection.close()
  }
}

/** A stream that is not read before the 354: nodemailer reads it no earlier (see smtp-connection). */
function bodyAfter(before: () => Promise<void>, bytes: Uint8Array): Readable {
  let begun = false
  return new Readable({
    read() {
      if (begun) return
      begun = true
      before().then(
        () => {
          this.push(bytes)
          this.push(null)
        },
        (error) => this.destroy(error as Error),
      )
    },
  })
}
