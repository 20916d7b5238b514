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
}

export interface OpenConnection {
  readonly connection: SMTPConnection
  /** The extensions the server offers, in capitals: `SMTPUTF8`. */
  readonly extensions: readonly string[]
}

/** Connects, greets, encrypts and logs in as `server` asks for. Rejects with SmtpOutage. */
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
    // A net beneath our own timers, which know the phase.
    socketTimeout: timeouts.replyMs + timeouts.envelopeMs,
    socketCloseTimeout: 1000,
  })
  try {
    const extensions = await within(timeouts.connectMs, connect(connection, server))
    return { connection, extensions }
  } catch (error) {
    connection.on('error', () => {})
    connection.close()
    throw new SmtpOutage(describeOutage(error as SmtpFailure, server), { cause: error })
  }
}

async function connect(connection: SMTPConnection, server: SmtpServer): Promise<string[]> {
  const extensions = await new Promise<string[]>((resolve, reject) => {
    connection.once('error', reject)
    connection.connect((failure) => {
      if (failure) return reject(failure)
      // The reply to the last EHLO, the one after STARTTLS where there was one.
      const lines = String(connection.lastServerResponse || '').split('\n')
      resolve(lines.map((line) => line.slice(4).trim().split(' ')[0]?.toUpperCase() ?? ''))
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
