import { setImmediate as nextTurn } from 'node:timers/promises'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import XOAuth2 from 'nodemailer/lib/xoauth2'
import type { SmtpServer } from './smtp-url.js'

export interface SmtpTimeouts {
  /** To connect, greet, encrypt and log in. */
  readonly connectMs: number
  /** From MAIL FROM to the 354. */
  readonly envelopeMs: number
  /** From the first byte of the body to the reply. */
  readonly replyMs: number
}

/** A client of an OAuth 2.0 server that exchanges a refresh token for access tokens. */
export interface SmtpOAuth2 {
  readonly tokenUrl: string
  readonly clientId: string
  readonly clientSecret: string
  readonly refreshToken: string
}

export interface ConnectionOptions {
  readonly server: SmtpServer
  readonly timeouts: SmtpTimeouts
  /** The name sent with EHLO. Default: this machine's name if it has a dot, else its address. */
  readonly ehloName?: string | undefined
  /** Gives the access tokens to log in with, instead of the server's password. */
  readonly oauth2?: XOAuth2 | undefined
}

/** The part of nodemailer's errors that is used. */
export interface SmtpFailure {
  readonly message: string
  readonly code?: string | undefined
  readonly command?: string | undefined
  readonly response?: string | undefined
  readonly responseCode?: number | undefined
}

/** A mail server that cannot be reached or used. The message names server and reason, and no secret. */
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
  readonly connection: SMTPConnection
  /** The server accepts addresses beyond ASCII (RFC 6531). */
  readonly supportsSmtpUtf8: boolean
}

/** Connects, greets, encrypts and logs in. Rejects with SmtpOutage. */
export async function openConnection(options: ConnectionOptions): Promise<OpenConnection> {
  const { server, timeouts } = options
  const connection = new SMTPConnection({
    host: server.host,
    port: server.port,
    secure: server.tls === 'immediate',
    requireTLS: server.tls === 'required',
    ignoreTLS: server.tls === 'never',
    name: options.ehloName,
    connectionTimeout: timeouts.connectMs,
    greetingTimeout: timeouts.connectMs,
    dnsTimeout: timeouts.connectMs,
    // The limits of SmtpSession end a connection sooner.
    socketTimeout: 2 * Math.max(timeouts.envelopeMs, timeouts.replyMs, 60_000),
    socketCloseTimeout: 1000,
  })
  // Stays for as long as the connection does: an 'error' without a listener ends the process.
  const failed = new Promise<never>((_, reject) => connection.on('error', reject))
  failed.catch(() => {})
  try {
    const opened = connect(connection, options)
    return await within(timeouts.connectMs, Promise.race([opened, failed]))
  } catch (error) {
    connection.close()
    const failure = error as SmtpFailure
    const lasting = failure.code === 'EAUTH' || (failure.responseCode ?? 0) >= 500
    throw new SmtpOutage(describeOutage(failure, server), { cause: error, lasting })
  }
}

async function connect(
  connection: SMTPConnection,
  { server, oauth2 }: ConnectionOptions,
): Promise<OpenConnection> {
  await new Promise<void>((resolve, reject) => {
    connection.connect((failure) => (failure ? reject(failure) : resolve()))
  })
  // The reply to the last EHLO: after STARTTLS, if that was used.
  const supportsSmtpUtf8 = /^250[ -]SMTPUTF8\b/im.test(connection.lastServerResponse || '')
  // Until then nodemailer has not processed unsolicited replies, which close the connection.
  await nextTurn()
  const { user, password: pass } = server
  if (user !== undefined) {
    await new Promise<void>((resolve, reject) => {
      const login = oauth2 ? { user, oauth2 } : { user, pass }
      connection.login(login, (failure) => (failure ? reject(failure) : resolve()))
    })
    await nextTurn()
  }
  if (connection.destroyed) throw new Error('the server closed the connection')
  return { connection, supportsSmtpUtf8 }
}

function describeOutage(failure: SmtpFailure, { host, port }: SmtpServer): string {
  const what = failure.code === 'EAUTH' ? 'refuses the credentials' : 'cannot be used'
  return `the mail server ${host}:${port} ${what}: ${failure.message}`
}

/** One for all connections: it keeps an access token until it expires. */
export function accessTokens(
  { user }: SmtpServer,
  { tokenUrl, clientId, clientSecret, refreshToken }: SmtpOAuth2,
  { connectMs }: SmtpTimeouts,
): XOAuth2 {
  return new XOAuth2({
    user,
    clientId,
    clientSecret,
    refreshToken,
    accessUrl: tokenUrl,
    requestTimeout: connectMs,
  })
}

/** Rejects if `work` takes longer than `ms`. */
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
