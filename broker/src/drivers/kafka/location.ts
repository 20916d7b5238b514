import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { type BadUrl, badUrl, readParameters, requireEncoded } from '../../broker-url.js'

type SaslMechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512'

export interface KafkaLocation {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[]
  /** Undefined: no TLS. */
  readonly ssl: ConnectionOptions | undefined
  readonly sasl:
    | { readonly mechanism: SaslMechanism; readonly username: string; readonly password: string }
    | undefined
  readonly clientId: string
  /** How long connecting may take. */
  readonly connectTimeoutMs: number
  /** How long `publish` retries before it rejects. */
  readonly publishTimeoutMs: number
  /** How long a dead member keeps its partitions. The brokers limit it, by default to at least 6 s. */
  readonly sessionTimeoutMs: number
  /** How often a member sends a heartbeat, and so how soon it notices a rebalance. */
  readonly heartbeatMs: number
  /** After this time without a fetch that returned from a partition's broker, the consumer is replaced. */
  readonly stallMs: number
}

const form = 'Use kafka://host:9092,host2:9092 or kafka://user:password@host:9093?ssl=true'
const mechanisms: readonly string[] = ['plain', 'scram-sha-256', 'scram-sha-512']
const times = {
  connectTimeoutMs: 3000,
  publishTimeoutMs: 5000,
  sessionTimeoutMs: 10_000,
  heartbeatMs: undefined,
  stallMs: 30_000,
} as const
const names = [
  'ssl',
  'ca',
  'cert',
  'key',
  'sasl',
  'passwordFile',
  'clientId',
  ...Object.keys(times),
]

/**
 * Reads `kafka://[user:password@]host:port[,host:port…][?…]`; user and password percent-encoded.
 * `ssl=true`, with `ca`, `cert`, `key` naming PEM files; `sasl=plain` (the default with a user),
 * `scram-sha-256`, `scram-sha-512`; `passwordFile` names a file that holds the password;
 * `clientId`; and the times of KafkaLocation. Throws BROKER_BAD_URL, never showing the password.
 */
export function parseKafkaUrl(url: string): KafkaLocation {
  const bad = badUrl(url, names, form)
  const match = /^kafka:\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?([^@/?]*)\/?(?:\?(.*))?$/s.exec(url)
  if (match === null) throw bad('is not a Kafka URL')
  const [, user, password, hosts = '', search = ''] = match
  requireEncoded(`${hosts}${search}`, bad)
  const query = readParameters(search, names, bad)
  const brokers = hosts.split(',').map((host) => broker(host, bad))
  const read = (name: string) => {
    const path = query.get(name)
    if (path === undefined) return undefined
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      throw bad(`names a file as ${name} that cannot be read: ${(error as Error).message}`)
    }
  }
  const ssl = query.get('ssl') ?? 'false'
  if (ssl !== 'true' && ssl !== 'false') throw bad('sets ssl to something other than true or false')
  const [ca, cert, key] = [read('ca'), read('cert'), read('key')]
  if (ssl === 'false' && (ca ?? cert ?? key) !== undefined)
    throw bad('names certificates without ssl=true')
  const mechanism = query.get('sasl') ?? 'plain'
  if (!mechanisms.includes(mechanism)) {
    throw bad(`sets sasl to something other than ${mechanisms.join(', ')}`)
  }
  const secret = read('passwordFile')?.trimEnd() ?? decode(password, bad)
  if (!user && (query.has('sasl') || secret !== undefined)) throw bad('names no user to log in as')
  if (user && secret === undefined) throw bad('names a user without a password')
  return Object.freeze({
    brokers,
    ssl:
      ssl === 'false'
        ? undefined
        : { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) },
    sasl: user
      ? {
          mechanism: mechanism as SaslMechanism,
          username: decode(user, bad) as string,
          password: secret as string,
        }
      : undefined,
    clientId: query.get('clientId') ?? 'herald',
    ...readTimes(query, bad),
  })
}

function broker(text: string, bad: BadUrl): string {
  if (text === '') throw bad('names no host')
  // kafkajs splits at the first colon.
  if (text.startsWith('['))
    throw bad(`names ${text}; give the host a name instead of an IPv6 address`)
  const [, host, port = '9092'] = /^([^\s:]+)(?::(\d{1,5}))?$/.exec(text) ?? []
  if (host === undefined) throw bad('names a host that is not host:port')
  if (Number(port) < 1 || Number(port) > 65_535) throw bad(`names port ${port}`)
  return `${host}:${port}`
}

function decode(text: string | undefined, bad: BadUrl): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text)
  } catch {
    throw bad('holds a user or password that is not percent-encoded (a % is written %25)')
  }
}

function readTimes(query: ReadonlyMap<string, string>, bad: BadUrl) {
  const time = (name: keyof typeof times, fallback: number) => {
    const text = query.get(name)
    if (text === undefined) return fallback
    if (!/^[1-9]\d{1,6}$/.test(text))
      throw bad(`sets ${name} to something other than 10…9999999 ms`)
    return Number(text)
  }
  const sessionTimeoutMs = time('sessionTimeoutMs', times.sessionTimeoutMs)
  const heartbeatMs = time('heartbeatMs', Math.max(10, Math.round(sessionTimeoutMs / 10)))
  if (heartbeatMs >= sessionTimeoutMs) throw bad('sets heartbeatMs to sessionTimeoutMs or more')
  return {
    connectTimeoutMs: time('connectTimeoutMs', times.connectTimeoutMs),
    publishTimeoutMs: time('publishTimeoutMs', times.publishTimeoutMs),
    sessionTimeoutMs,
    heartbeatMs,
    stallMs: time('stallMs', times.stallMs),
  }
}
