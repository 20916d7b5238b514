import { InvalidValue } from '@herald/runtime'

/** The server that mails are sent to, and how. */
export interface SmtpServer {
  readonly host: string
  readonly port: number
  /**
   * `immediate`: TLS from the first byte. `required`: STARTTLS or nothing. `offered`: STARTTLS
   * if the server offers it. `never`: plain text.
   */
  readonly tls: 'immediate' | 'required' | 'offered' | 'never'
  readonly user: string | undefined
  /** Undefined if there is no user, or if the user logs in by OAuth 2.0. */
  readonly password: string | undefined
}

export const smtpUrlForm =
  'smtp://host:port or smtps://user:password@host:port (smtp:// takes ?tls=offered, required or never)'

/** Reads `smtp://…` or `smtps://…`. Throws InvalidValue. */
export function parseSmtpUrl(text: string): SmtpServer {
  if (!/^smtps?:\/\//i.test(text)) {
    throw new InvalidValue('it does not begin with smtp:// or smtps://')
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) {
    throw new InvalidValue(
      'host or port cannot be read, or a user or password has a character that is not percent-encoded',
    )
  }
  if (url.hostname === '') throw new InvalidValue('it names no host')
  if (!['', '/'].includes(url.pathname) || url.hash !== '') throw new InvalidValue('it has a path')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const secure = url.protocol === 'smtps:'
  const user = decode(url.username)
  const password = decode(url.password)
  if (user === undefined && password !== undefined) {
    throw new InvalidValue('it has a password and no user')
  }
  return {
    host,
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    tls: secure ? immediate(url) : startTls(url, user !== undefined && !isLoopback(host)),
    user,
    password,
  }
}

function immediate(url: URL): 'immediate' {
  if (url.search !== '') throw new InvalidValue('smtps:// takes no parameter')
  return 'immediate'
}

function startTls(url: URL, secretOverNetwork: boolean): 'required' | 'offered' | 'never' {
  const { tls, ...others } = Object.fromEntries(url.searchParams)
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw new InvalidValue('it has a parameter other than tls')
  switch (tls) {
    // A password must not cross a network in plain text because an attacker stripped the offer.
    case undefined:
      return secretOverNetwork ? 'required' : 'offered'
    case 'offered':
    case 'required':
    case 'never':
      return tls
    default:
      throw new InvalidValue('tls is none of offered, required, never')
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

function decode(part: string): string | undefined {
  try {
    return part === '' ? undefined : decodeURIComponent(part)
  } catch {
    throw new InvalidValue('the user or password is not percent-encoded (a % is written %25)')
  }
}
