import type { Socket } from 'node:net'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import type { SmtpFailure } from './judge.js'
import type { SmtpServer } from './smtp-url.js'

export interface SmtpTimeouts {
  /** To connect, greet, encrypt and log in. */
  readonly connectMs: number
  /** From MAIL FROM to the 354. */
  readonly envelopeMs: number
  /** From the first byte of the body to the reply. */
  readonly replyMs: number
}

/** A mail server that cannot be reached or used. The message says which and why, and holds no secret. */
export class SmtpOutage extends Error {
  override readonly name = 'SmtpOutage'
  /** Only a person can correct it: the server refuses the credentials, or us. */
  readonly lasting: boolean

  constructor(message: string, options: ErrorOptions & { lasting: boolean }) {
    super(message, options)
    this.lasting = options.lasting
  }
}

export interface OpenConnection {
  /** Nobody else reads it, writes to it or hears of its end. */
  readonly socket: Socket
  /** The extensions the server offers, in capitals, with what is said of each: `SIZE` → `1000`. */
  readonly extensions: ReadonlyMap<string, string>
}

/**
 * Connects, greets, encrypts and logs in as `server` asks for. Rejects with SmtpOutage. That far
 * nodemailer knows best; what it costs per mail is streams, so the mails are ours.
 */
export async function openConnection(
  server: SmtpServer,
  timeouts: SmtpTimeouts,
): Promise<OpenConnection> {
  const connection = new SMTPConnection({
    host: server.host,
    port: server.port,
    secure: server.tls === 'immediate',
    requireTLS: server.tls === 'required',
    ignoreTLS: server.tls === 'never',
    connectionTimeout: timeouts.connectMs,
    greetingTimeout: timeouts.connectMs,
    dnsTimeout: timeouts.connectMs,
    socketCloseTimeout: 1000,
  })
  try {
    const extensions = await within(timeouts.connectMs, connect(connection, server))
    return { socket: takeSocket(connection), extensions }
  } catch (error) {
    connection.on('error', () => {})
    connection.close()
    const failure = error as SmtpFailure
    const lasting = failure.code === 'EAUTH' || (failure.responseCode ?? 0) >= 500
    throw new SmtpOutage(describeOutage(failure, server), { cause: error, lasting })
  }
}

async function connect(
  connection: SMTPConnection,
  server: SmtpServer,
): Promise<ReadonlyMap<string, string>> {
  const extensions = await new Promise<Map<string, string>>((resolve, reject) => {
    connection.once('error', reject)
    connection.connect((failure) => {
      if (failure) return reject(failure)
      // The reply to the last EHLO, the one after STARTTLS where there was one.
      const lines = String(connection.lastServerResponse || '').split('\n')
      resolve(new Map(lines.map(extensionIn)))
    })
  })
  const { user, password: pass } = server
  if (user !== undefined && pass !== undefined) {
    await new Promise<void>((resolve, reject) => {
      connection.once('error', reject)
      connection.login({ user, pass }, (failure) => (failure ? reject(failure) : resolve()))
    })
  }
  connection.removeAllListeners('error')
  return extensions
}

function extensionIn(line: string): [name: string, said: string] {
  const [name = '', ...said] = line.slice(4).trim().split(' ')
  return [name.toUpperCase(), said.join(' ')]
}

/** The socket as it stands, TLS or not; nodemailer has no word for handing it over. */
function takeSocket(connection: SMTPConnection): Socket {
  const inside = connection as unknown as {
    readonly _socket: Socket
    readonly _responseQueue: readonly string[]
    readonly _remainder: string
  } & Readonly<Record<`_onSocket${string}`, () => void>>
  const socket = inside._socket
  // It would look at what is left only later, and then take it for a fault of its own connection.
  const left = [...inside._responseQueue, inside._remainder]
  if (left.some((said) => said.trim() !== '')) throw new Error('it speaks without being asked')
  for (const event of ['Data', 'Error', 'Close', 'End', 'Timeout']) {
    const listener = inside[`_onSocket${event}`]
    if (listener === undefined) throw new TypeError(`nodemailer does not listen to ${event}`)
    socket.removeListener(event.toLowerCase(), listener)
  }
  socket.setTimeout(0)
  return socket
}

function describeOutage(failure: SmtpFailure, { host, port }: SmtpServer): string {
  const what = failure.code === 'EAUTH' ? 'refuses the credentials' : 'cannot be used'
  return `the mail server ${host}:${port} ${what}: ${failure.message}`
}

/** Rejects when `work` takes longer. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
