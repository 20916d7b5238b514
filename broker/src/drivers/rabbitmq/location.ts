import { readFileSync } from 'node:fs'
import { type BadUrl, badUrl, readParameters, requireEncoded } from '../../broker-url.js'

export interface RabbitmqLocation {
  /** At least one. */
  readonly hosts: readonly { readonly hostname: string; readonly port: number }[]
  /** Undefined: no TLS. PEM texts. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined
  readonly username: string
  readonly password: string
  readonly vhost: string
  /** How long connecting to one host may take. */
  readonly connectTimeoutMs: number
  /** How long `publish` retries before it rejects. */
  readonly publishTimeoutMs: number
  /** How long at most a member that gives no sign of life keeps its partitions. */
  readonly sessionTimeoutMs: number
}

const form =
  'Use amqp://user:password@host:5672,host2:5672/vhost or amqps://user:password@host:5671?ca=/ca.pem'
const times = { connectTimeoutMs: 3000, publishTimeoutMs: 5000, sessionTimeoutMs: 10_000 } as const
const names = ['ca', 'cert', 'key', 'passwordFile', ...Object.keys(times)]

/**
 * Reads `amqp://[user:password@]host[:port][,host…][/vhost][?…]`; user, password and vhost
 * percent-encoded. `amqps:` is TLS, with `ca`, `cert`, `key` naming PEM files; `passwordFile` names a
 * file that holds the password; and the times of RabbitmqLocation. Without a user: RabbitMQ's own
 * `guest`. Throws BROKER_BAD_URL, never showing the password.
 */
export function parseRabbitmqUrl(url: string): RabbitmqLocation {
  const bad = badUrl(url, names, form)
  const match =
    /^(amqps?):\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?([^@/?]*)(?:\/([^/?]*))?(?:\?(.*))?$/s.exec(url)
  if (match === null) throw bad('is not a RabbitMQ URL')
  const [, scheme, user, password, hosts = '', vhost, search = ''] = match
  requireEncoded(`${hosts}${vhost}${search}`, bad)
  const query = readParameters(search, names, bad)
  const read = (name: string) => {
    const path = query.get(name)
    if (path === undefined) return undefined
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      throw bad(`names a file as ${name} that cannot be read: ${(error as Error).message}`)
    }
  }
  const [ca, cert, key] = [read('ca'), read('cert'), read('key')]
  if (scheme === 'amqp' && (ca ?? cert ?? key) !== undefined) {
    throw bad('names certificates, but amqp: is without TLS; use amqps:')
  }
  const secret = read('passwordFile')?.trimEnd() ?? decode(password, bad)
  if (!user && secret !== undefined) throw bad('names no user to log in as')
  if (user && secret === undefined) throw bad('names a user without a password')
  const time = (name: keyof typeof times, minMs: number) => {
    const text = query.get(name)
    if (text === undefined) return times[name]
    if (/^[1-9]\d{1,6}$/.test(text) && Number(text) >= minMs) return Number(text)
    throw bad(`sets ${name} to something other than ${minMs}…9999999 ms`)
  }
  return Object.freeze({
    hosts: hosts.split(',').map((host) => parseHost(host, scheme === 'amqps' ? 5671 : 5672, bad)),
    tls:
      scheme === 'amqp'
        ? undefined
        : { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
    username: user ? (decode(user, bad) as string) : 'guest',
    password: secret ?? 'guest',
    vhost: vhost ? (decode(vhost, bad) as string) : '/',
    connectTimeoutMs: time('connectTimeoutMs', 10),
    publishTimeoutMs: time('publishTimeoutMs', 10),
    // Heartbeats are in whole seconds, and two may be missed.
    sessionTimeoutMs: time('sessionTimeoutMs', 2000),
  })
}

/** `host:5672, host2:5672`, for messages. */
export const hostNames = ({ hosts }: RabbitmqLocation) =>
  hosts.map(({ hostname, port }) => `${hostname}:${port}`).join(', ')

function parseHost(text: string, defaultPort: number, bad: BadUrl) {
  if (text === '') throw bad('names no host')
  if (text.startsWith('['))
    throw bad(`names ${text}; give the host a name instead of an IPv6 address`)
  const [, hostname, port] = /^([^\s:]+)(?::(\d{1,5}))?$/.exec(text) ?? []
  if (hostname === undefined) throw bad('names a host that is not host:port')
  const number = port === undefined ? defaultPort : Number(port)
  if (number < 1 || number > 65_535) throw bad(`names port ${port}`)
  return { hostname, port: number }
}

function decode(text: string | undefined, bad: BadUrl): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text)
  } catch {
    throw bad('holds a user, password or vhost that is not percent-encoded (a % is written %25)')
  }
}
