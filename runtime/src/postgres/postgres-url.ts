import { InvalidValue } from '../env.js'

/** A database, on the one of its hosts that accepts writes. */
export interface PostgresTarget {
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  readonly database: string
  /** Absent: PGUSER, else the system's user. */
  readonly user?: string
  /** Absent: `passwordFile`, else PGPASSWORD. */
  readonly password?: string
  /** Read for each connection, so that the password can be changed while programs run. */
  readonly passwordFile?: string
  /** As libpq's: `prefer` and `require` encrypt but do not check whom they talk to. */
  readonly sslmode: (typeof sslmodes)[number]
  /** A file of certificates in PEM to trust, for `verify-full`. Absent: those that Node trusts. */
  readonly sslrootcert?: string
  /** The schema of its tables. */
  readonly schema: string
  /** Parameters of the URL that the caller allows. */
  readonly parameters: Readonly<Record<string, string>>
}

export const postgresUrlForm =
  'postgres://user@host1:5432,host2:5432/database?sslmode=verify-full&password_file=/path'

/** Parameters of the URL that hold no secret. */
export const postgresParameters = ['sslmode', 'sslrootcert', 'password_file', 'schema'] as const

const sslmodes = ['disable', 'prefer', 'require', 'verify-full'] as const
const pattern =
  /^postgres(?:ql)?:\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?([^@/?#]+)\/([^@/?#]+)(?:\?([^#]*))?$/
const hostPattern = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d+))?$/

/** Reads a URL with one or several hosts. `allowed` are parameters of the caller's own. Throws InvalidValue. */
export function parsePostgresUrl(
  given: string,
  { schema, allowed = [] }: { readonly schema: string; readonly allowed?: readonly string[] },
): PostgresTarget {
  const [, user, password, hostList, database, query] = pattern.exec(given) ?? []
  if (hostList === undefined || database === undefined) throw new InvalidValue(whyNot(given))
  const hosts = hostList.split(',').map(parseHost)
  const known = [...postgresParameters, ...allowed]
  const parametersGiven = parametersOf(query ?? '')
  const unknown = Object.keys(parametersGiven).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw new InvalidValue(`it has a parameter other than ${known.join(', ')}`)
  }
  const { sslmode = 'prefer', sslrootcert, password_file, ...others } = parametersGiven
  const { schema: ownSchema = schema, ...parameters } = others
  const mode = sslmodes.find((each) => each === sslmode)
  if (mode === undefined) throw new InvalidValue(`sslmode is none of ${sslmodes.join(', ')}`)
  if (!/^[a-z_][a-z0-9_]{0,40}$/.test(ownSchema)) {
    throw new InvalidValue('schema is not a name of lower-case letters, digits and _')
  }
  return {
    hosts,
    database: decode('database', database),
    sslmode: mode,
    schema: ownSchema,
    parameters,
    ...(user ? { user: decode('user', user) } : {}),
    ...(password ? { password: decode('password', password) } : {}),
    ...(password_file ? { passwordFile: password_file } : {}),
    ...(sslrootcert ? { sslrootcert } : {}),
  }
}

/** Why `given` does not match the pattern. */
function whyNot(given: string): string {
  const [, rest] = /^postgres(?:ql)?:\/\/(.*)$/s.exec(given) ?? []
  if (rest === undefined) return 'it does not begin with postgres://'
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? ''
  const path = rest.slice(authority.length)
  if (path.includes('@') || authority.split('@').length > 2) {
    return 'a user, password or name has one of @ / ? # that is not percent-encoded'
  }
  if (path.includes('#')) return 'it has a fragment (#)'
  if (/^$|@$/.test(authority)) return 'it names no host'
  return /^\/?(\?|$)/.test(path) ? 'it names no database' : 'the name of the database has a slash'
}

function parseHost(text: string) {
  const [, name, port = '5432'] = hostPattern.exec(text) ?? []
  // It may be a user and a password without a host.
  if (name === undefined) throw new InvalidValue('a host is not host or host:port')
  if (Number(port) < 1 || Number(port) > 65_535) {
    throw new InvalidValue(`the port ${port} is not a number from 1 to 65535`)
  }
  return { host: name.replace(/^\[|\]$/g, ''), port: Number(port) }
}

function decode(part: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new InvalidValue(`the ${part} is not percent-encoded (a % is written %25)`)
  }
}

const parametersOf = (query: string): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(query))

/** For messages: where it is, without user and password. */
export function nameOf({ hosts, database }: PostgresTarget): string {
  return `${hosts.map(({ host, port }) => `${host}:${port}`).join(',')}/${database}`
}
