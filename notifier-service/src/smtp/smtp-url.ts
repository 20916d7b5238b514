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

/** Reads `smtp://…` or `smtps://…`. Throws TypeError; its message names the error and holds no secret. */
export function parseSmtpUrl(text: string): SmtpServer {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '') {
    throw new TypeError('not an SMTP URL')
  }
  if (!['', '/'].includes(url.pathname) || url.hash !== '') throw new TypeError('it has a path')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const secure = url.protocol === 'smtps:'
  const user = decode(url.username)
  const password = decode(url.password)
  if (user === undefined && password !== undefined) {
    throw new TypeError('it has a password and no user')
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
  if (url.search !== '') throw new TypeError('smtps:// takes no parameter')
  return 'immediate'
}

function startTls(url: URL, secretOverNetwork: boolean): 'required' | 'offered' | 'never' {
  const { tls, ...others } = Object.fromEntries(url.searchParams)
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw new TypeError(`unknown parameter ${unknown}`)
  switch (tls) {
    // A password must not cross a network in plain text because an attacker stripped the offer.
    case undefined:
      return secretOverNetwork ? 'required' : 'offered'
    case 'offered':
    case 'required':
    case 'never':
      return tls
    default:
      throw new TypeError('tls is one of offered, required, never')
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

function decode(part: string): string | undefined {
  return part === '' ? undefined : decodeURIComponent(part)
}
