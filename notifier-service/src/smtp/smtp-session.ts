import type { Socket } from 'node:net'
import type { SendOutcome } from '../send-outcome.js'
import { bodyAsData } from './body-as-data.js'
import { addressFault, type Command, envelopeOf, sizeFault, takesOrdinary } from './envelope.js'
import { failureOf, judge, type SendPhase, type SmtpFailure } from './judge.js'
import {
  type OpenConnection,
  openConnection,
  type SmtpTimeouts,
  within,
} from './open-connection.js'
import type { OutgoingMail } from './outgoing-mail.js'
import { ReplyReader, type SmtpReply } from './replies.js'
import type { SmtpServer } from './smtp-url.js'

interface Awaiting {
  resolve(reply: SmtpReply): void
  reject(failure: SmtpFailure): void
}

/** RSET asks for nothing that takes time. */
const maxResetMs = 5000

/** One connection to the mail server, greeted and logged in. One mail at a time. */
export class SmtpSession {
  readonly #socket: Socket
  readonly #timeouts: SmtpTimeouts
  readonly #extensions: ReadonlyMap<string, string>
  readonly #resetMs: number
  readonly #reader = new ReplyReader()
  /** The commands that are not answered yet, in order. */
  readonly #awaiting: Awaiting[] = []
  #ended: SmtpFailure | undefined
  /** Mails put to it. */
  mails = 0
  /** When it was last of use, as Date.now() tells. */
  idleSince = Date.now()

  private constructor({ socket, extensions }: OpenConnection, timeouts: SmtpTimeouts) {
    this.#socket = socket
    this.#timeouts = timeouts
    this.#resetMs = Math.min(maxResetMs, timeouts.envelopeMs)
    this.#extensions = extensions
    socket.on('data', (piece: Buffer) => this.#hear(piece))
    socket.on('error', ({ message }) => this.#end({ message, code: 'ECONNECTION' }))
    socket.on('end', () => this.close())
    socket.on('close', () => this.close())
    if (socket.destroyed) this.close()
  }

  /** Connects, greets, encrypts and logs in as `server` asks for. Rejects with SmtpOutage. */
  static async open(server: SmtpServer, timeouts: SmtpTimeouts): Promise<SmtpSession> {
    return new SmtpSession(await openConnection(server, timeouts), timeouts)
  }

  /** It ended because the server did not answer in time. */
  get timedOut(): boolean {
    return this.#ended?.code === 'ETIMEDOUT'
  }

  get usable(): boolean {
    return this.#ended === undefined
  }

  /** Whether the server takes addresses beyond ASCII (RFC 6531). */
  get takesUtf8Addresses(): boolean {
    return this.#extensions.has('SMTPUTF8')
  }

  /**
   * Hands `mail` over. `beforeBody` is awaited when the server has said 354 and before the first
   * byte of the body is written; when it rejects, or composing throws, nothing of the body is, the
   * session ends, and send rejects with the same. Else it resolves, whatever happens.
   */
  async send(mail: OutgoingMail, beforeBody: () => Promise<void>): Promise<SendOutcome> {
    this.mails += 1
    const { bytes } = mail
    let phase: SendPhase = 'envelope'
    let refusal: { readonly error: unknown } | undefined
    const refused = (error: unknown) => {
      refusal = { error }
      throw error
    }
    const compose = async () => (typeof bytes === 'function' ? bytes() : bytes)
    const giveUp = (message: string) => this.#end({ message, code: 'ETIMEDOUT' })
    let timer = setTimeout(giveUp, this.#timeouts.envelopeMs, 'no answer to the envelope in time')
    try {
      const meanwhile = typeof bytes === 'function' && takesOrdinary(this.#extensions)
      const early = meanwhile ? undefined : await compose().catch(refused)
      const fault = addressFault(mail) ?? (early && sizeFault(early, this.#extensions))
      if (fault !== undefined) return judge(fault, 'envelope')
      const opened = this.#open(envelopeOf(mail, early, this.#extensions))
      // It may fail before it is waited for.
      opened.catch(() => {})
      const body = early ?? (await compose().catch(refused))
      await opened
      clearTimeout(timer)
      const late = early ? undefined : sizeFault(body, this.#extensions)
      if (late !== undefined) {
        this.close()
        return judge(late, 'envelope')
      }
      await beforeBody().catch(refused)
      if (this.#ended) throw this.#ended
      phase = 'body'
      timer = setTimeout(giveUp, this.#timeouts.replyMs, 'no reply to the body in time')
      const reply = await this.#say(bodyAsData(body))
      if (!isYes(reply)) throw failureOf(reply, 'DATA')
      return { kind: 'accepted', reply: reply.text }
    } catch (error) {
      if (refusal) {
        this.close()
        throw refusal.error
      }
      const outcome = judge(error as SmtpFailure, phase)
      // Between 354 and the end of the body there is no way back to a new envelope.
      const isUnanswered = outcome.kind === 'suspect' && outcome.unanswered
      if (isUnanswered || outcome.kind === 'outage' || outcome.kind === 'unknown') this.close()
      return outcome
    } finally {
      clearTimeout(timer)
      this.idleSince = Date.now()
    }
  }

  /** Forgets a half-told envelope; also tells whether the connection still lives. */
  async reset(): Promise<boolean> {
    if (!this.usable) return false
    try {
      const reply = await within(this.#resetMs, this.#say('RSET\r\n'))
      if (isYes(reply) && this.usable) return true
    } catch {
      // As if it had said no.
    }
    this.close()
    return false
  }

  /** Hangs up; a mail in flight ends by it. Idempotent. */
  close(): void {
    this.#end({ message: 'the connection was closed' })
  }

  /** Says goodbye, for a session without a mail in flight. Idempotent. */
  quit(): void {
    if (!this.usable) return
    this.#ended = { message: 'the connection was closed' }
    this.#socket.end('QUIT\r\n')
    setTimeout(() => this.#socket.destroy(), 1000).unref()
  }

  /** Resolves at the 354. With PIPELINING (RFC 2920) all goes out at once. */
  async #open(commands: readonly Command[]): Promise<void> {
    const pipelining = this.#extensions.has('PIPELINING')
    const together = pipelining ? await this.#sayAll(commands.map(({ line }) => line)) : []
    let failure: SmtpFailure | undefined
    for (const [at, { name, line, wants }] of commands.entries()) {
      // A refusal stands, also where the server hangs up with it and leaves the rest unanswered.
      if (failure !== undefined && !(at in together)) break
      const reply = together[at] ?? (await this.#say(line))
      if (Math.floor(reply.code / 100) !== wants) failure ??= failureOf(reply, name)
      // It waits for a body, though it refused what comes before: RFC 2920 §3.1 has a dot for that.
      else if (failure !== undefined && wants === 3) await this.#say('.\r\n').catch(() => {})
    }
    if (failure !== undefined) throw failure
  }

  /** The replies in order; those that did not come before the connection ended are not among them. */
  async #sayAll(lines: readonly string[]): Promise<SmtpReply[]> {
    const replies = lines.map(() => this.#answer())
    this.#socket.write(lines.join(''))
    const settled = await Promise.allSettled(replies)
    return settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  }

  #say(bytes: string | Buffer): Promise<SmtpReply> {
    const reply = this.#answer()
    this.#socket.write(bytes)
    return reply
  }

  #answer(): Promise<SmtpReply> {
    if (this.#ended) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => this.#awaiting.push({ resolve, reject }))
  }

  #hear(piece: Buffer): void {
    if (this.#ended) return
    try {
      for (const reply of this.#reader.read(piece)) this.#take(reply)
    } catch (error) {
      this.#end({ message: (error as Error).message, code: 'EPROTOCOL' })
    }
  }

  #take(reply: SmtpReply): void {
    const awaiting = this.#awaiting.shift()
    awaiting?.resolve(reply)
    // RFC 5321 §4.2.1: it is about to close the connection, whatever it answers; nothing else will come.
    if (reply.code === 421) this.#end(failureOf(reply, 'CONN'))
    else if (awaiting === undefined) this.#end(failureOf(reply, 'CONN'))
  }

  #end(failure: SmtpFailure): void {
    if (this.#ended) return
    this.#ended = failure
    for (const { reject } of this.#awaiting.splice(0)) reject(failure)
    this.#socket.destroy()
  }
}

const isYes = ({ code }: SmtpReply) => code >= 200 && code < 300
