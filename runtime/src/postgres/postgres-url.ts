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

const sslmodes = ['disable', 'prefer', 'require', 'verify-full'] as const
const pattern =
  /^postgres(?:ql)?:\/\/(?:([^:@/]*)(?::([^@]*))?@)?([^@/?#]+)\/([^/?#]+)(?:\?([^#]*))?$/
const hostPattern = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/

/**
 * Reads a URL with one or several hosts. `allowed` are parameters of the caller's own. Returns
 * undefined, or throws, if it has not that form.
 */
export function parsePostgresUrl(
  given: string,
  { schema, allowed = [] }: { readonly schema: string; readonly allowed?: readonly string[] },
): PostgresTarget | undefined {
  const [, user, password, hostList, database, query] = pattern.exec(given) ?? []
  if (hostList === undefined || database === undefined) return undefined
  const hosts = hostList.split(',').map(parseHost)
  const { sslmode = 'prefer', sslrootcert, password_file, ...others } = parametersOf(query ?? '')
  const { schema: ownSchema = schema, ...parameters } = others
  const mode = sslmodes.find((each) => each === sslmode)
  const isValid =
    mode !== undefined &&
    /^[a-z_][a-z0-9_]{0,40}$/.test(ownSchema) &&
    Object.keys(parameters).every((name) => allowed.includes(name))
  if (!isValid) return undefined
  return {
    hosts: hosts.map((host) => {
      if (host === undefined) throw new TypeError('not a host')
      return host
    }),
    database: decodeURIComponent(database),
    sslmode: mode,
    schema: ownSchema,
    parameters,
    ...(user ? { user: decodeURIComponent(user) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(password_file ? { passwordFile: password_file } : {}),
    ...(sslrootcert ? { sslrootcert } : {}),
  }
}

function parseHost(text: string) {
  const [, name, port = '5432'] = hostPattern.exec(text) ?? []
  if (name === undefined || Number(port) > 65_535) return undefined
  return { host: name.replace(/^\[|\]$/g, ''), port: Number(port) }
}

const parametersOf = (query: string): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(query))

/** For messages: where it is, without user and password. */
export function nameOf({ hosts, database }: PostgresTarget): string {
  return `${hosts.map(({ host, port }) => `${host}:${port}`).join(',')}/${database}`
}
