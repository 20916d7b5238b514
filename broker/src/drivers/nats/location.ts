import { readFileSync } from 'node:fs'
import { type BadUrl, badUrl, readParameters, requireEncoded } from '../../broker-url.js'

/** How a client logs in. Files are read again for each connection, as they may be renewed. */
export type NatsLogin =
  | { readonly kind: 'password'; readonly user: string; readonly password: () => string }
  | { readonly kind: 'token'; readonly token: () => string }
  | { readonly kind: 'creds'; readonly creds: () => Uint8Array }
  | { readonly kind: 'nkey'; readonly seed: () => Uint8Array }

export interface NatsLocation {
  /** `host:port`, at least one. */
  readonly servers: readonly string[]
  /** PEM texts. Undefined: TLS only if the server requires it. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined
  readonly login: NatsLogin | undefined
  /** Servers that get a topic that this broker creates; undefined: three in a cluster, else one. */
  readonly replicas: number | undefined
  /** How long connecting may take. */
  readonly connectTimeoutMs: number
  /** How long `publish` retries without any acknowledgement before it rejects. */
  readonly publishTimeoutMs: number
  /**
   * How long an answer to another request is awaited. A cluster gives none while it elects a leader, so
   * this is short enough to repeat the request within `publishTimeoutMs`.
   */
  readonly requestTimeoutMs: number
  /** How long a member that does not answer keeps its partitions. */
  readonly sessionTimeoutMs: number
}

const form = 'Use nats://host:4222,host2:4222 or tls://user:password@host:4222'
const times = { connectTimeoutMs: 3000, publishTimeoutMs: 5000, sessionTimeoutMs: 10_000 } as const
const maxRequestMs = 2000
const logins = ['creds', 'nkey', 'tokenFile', 'passwordFile']
const names = ['ca', 'cert', 'key', ...logins, 'replicas', ...Object.keys(times)]

/**
 * Reads `nats://[user:password@]host[:4222][,host…][?…]`; user and password percent-encoded; a user
 * without a password is a token, as in NATS' own tools. `tls://` requires TLS, with `ca`, `cert`, `key`
 * naming PEM files. Files with credentials: `creds` (a .creds file), `nkey` (a seed), `tokenFile`,
 * `passwordFile`. `replicas`, and the times of NatsLocation. Throws BROKER_BAD_URL, never showing a secret.
 */
export function parseNatsUrl(url: string): NatsLocation {
  const bad = badUrl(url, names, form)
  const match = /^(nats|tls):\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?([^@/?]*)\/?(?:\?(.*))?$/s.exec(url)
  if (match === null) throw bad('is not a NATS URL')
  const [, scheme, user, password, hosts = '', search = ''] = match
  requireEncoded(`${hosts}${search}`, bad)
  const query = readParameters(search, names, bad)
  const servers = hosts.split(',').map((host) => server(host, bad))
  return Object.freeze({
    servers,
    tls: readTls(scheme === 'tls', query, bad),
    login: readLogin(decode(user, bad), decode(password, bad), query, bad),
    replicas: readReplicas(query.get('replicas'), bad),
    ...readTimes(query, bad),
  })
}

function server(text: string, bad: BadUrl): string {
  if (text === '') throw bad('names no host')
  const [, host, port = '4222'] = /^(\[[\da-fA-F:.]+\]|[^\s:[\]]+)(?::(\d{1,5}))?$/.exec(text) ?? []
  if (host === undefined) throw bad('names a host that is not host:port')
  if (Number(port) < 1 || Number(port) > 65_535) throw bad(`names port ${port}`)
  return `${host}:${port}`
}

function readTls(required: boolean, query: ReadonlyMap<string, string>, bad: BadUrl) {
  const pem = (name: string) => {
    const path = query.get(name)
    return path === undefined ? {} : { [name]: readFile(name, path, bad).toString() }
  }
  const tls = { ...pem('ca'), ...pem('cert'), ...pem('key') }
  if (!required && Object.keys(tls).length > 0) throw bad('names certificates, but not tls://')
  if (query.has('cert') !== query.has('key')) throw bad('needs cert and key, or neither')
  return required ? tls : undefined
}

function readLogin(
  user: string | undefined,
  password: string | undefined,
  query: ReadonlyMap<string, string>,
  bad: BadUrl,
): NatsLogin | undefined {
  const given = logins.filter((name) => query.has(name))
  if (given.length > 1) throw bad(`sets ${given.join(' and ')}: one is enough`)
  const [name] = given
  if (name !== undefined) {
    const path = query.get(name) ?? ''
    const read = () => readFile(name, path, bad)
    // A file that is not there is to be found now, not with the first event.
    read()
    const text = () => read().toString().trimEnd()
    if (name === 'passwordFile') {
      if (!user) throw bad('names no user to log in as')
      if (password !== undefined) throw bad('sets a password and passwordFile: one is enough')
      return { kind: 'password', user, password: text }
    }
    if (user) throw bad(`names a user and sets ${name}: one is enough`)
    if (name === 'tokenFile') return { kind: 'token', token: text }
    return name === 'creds'
      ? { kind: 'creds', creds: read }
      : { kind: 'nkey', seed: () => Buffer.from(text()) }
  }
  if (!user) {
    if (password !== undefined) throw bad('names no user to log in as')
    return undefined
  }
  return password === undefined
    ? { kind: 'token', token: () => user }
    : { kind: 'password', user, password: () => password }
}

function readFile(name: string, path: string, bad: BadUrl): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw bad(`names a file as ${name} that cannot be read: ${(error as Error).message}`)
  }
}

function decode(text: string | undefined, bad: BadUrl): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text)
  } catch {
    throw bad('holds a user or password that is not percent-encoded (a % is written %25)')
  }
}

function readReplicas(text: string | undefined, bad: BadUrl): number | undefined {
  if (text === undefined) return undefined
  if (!/^[1-5]$/.test(text)) throw bad('sets replicas to something other than 1 to 5')
  return Number(text)
}

function readTimes(query: ReadonlyMap<string, string>, bad: BadUrl) {
  const time = (name: keyof typeof times) => {
    const text = query.get(name)
    if (text === undefined) return times[name]
    if (!/^[1-9]\d{2,6}$/.test(text))
      throw bad(`sets ${name} to something other than 100…9999999 ms`)
    return Number(text)
  }
  const publishTimeoutMs = time('publishTimeoutMs')
  return {
    connectTimeoutMs: time('connectTimeoutMs'),
    publishTimeoutMs,
    requestTimeoutMs: Math.min(publishTimeoutMs, maxRequestMs),
    sessionTimeoutMs: time('sessionTimeoutMs'),
  }
}
