import { readFile } from 'node:fs/promises'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import type { Sql, TransactionSql } from 'postgres'
import { limitConcurrency } from '../limit-concurrency.js'
import { StoreError } from '../store/store-error.js'
import { describePostgresError, isConflict, isLost, UnusableServer } from './postgres-error.js'
import { nameOf, type PostgresTarget } from './postgres-url.js'

export type { Sql, TransactionSql } from 'postgres'

export interface PostgresOptions {
  /** As pg_stat_activity shows it. */
  readonly applicationName: string
  /** Of every session, as SET has them. */
  readonly settings?: Readonly<Record<string, string>>
  /** Most connections. Default 6. */
  readonly maxConnections?: number
  /**
   * How long a statement or a transaction may take before its connection counts as lost. It does not
   * include the wait for a free connection. Default 15,000.
   */
  readonly deadlineMs?: number
}

/**
 * A database, on the one of its hosts that accepts writes. If that is lost, the next call looks for
 * it again. A commit that was acknowledged is synced (`synchronous_commit` is never less than `on`).
 */
export interface Postgres {
  readonly schema: string
  /**
   * Runs a statement, again if it conflicted with another transaction. Rejects with StoreError if the
   * database cannot be used: the statement may have taken effect even then. Unqualified names are of the
   * schema. An urgent one does not wait behind others for a connection. `work` must not call `run` again,
   * which could wait for the connection that `work` has.
   */
  run<T>(work: (sql: Sql) => Promise<T>, options?: { readonly isUrgent: boolean }): Promise<T>
  /** The same in one transaction. */
  transaction<T>(work: (sql: TransactionSql) => Promise<T>): Promise<T>
  /** Ends all connections, after statements under way. Those that wait for one are rejected. Idempotent. */
  close(): Promise<void>
}

const oldestVersion = 14
const connectSeconds = 5
const maxConflicts = 5

/** The wait after a search that found no primary: after the first, and the longest. */
const backOff = { firstMs: 100, capMs: 2000 }

/** Opens no connection yet: the first call does. */
export function openPostgres(target: PostgresTarget, options: PostgresOptions): Postgres {
  const { maxConnections = 6, deadlineMs = 15_000, applicationName } = options
  // The driver would wait as well, but within the deadline: a burst would count as a lost server.
  const withConnection = limitConcurrency(maxConnections)
  let pool: Promise<Sql> | undefined
  let failures = 0
  let failedAt = 0
  let lastError: unknown
  let closed: Promise<void> | undefined

  function connected(): Promise<Sql> {
    if (pool !== undefined) return pool
    const waitMs = Math.min(backOff.capMs, backOff.firstMs * 2 ** (failures - 1))
    if (failures > 0 && performance.now() - failedAt < waitMs) return Promise.reject(lastError)
    const found = findPrimary()
    pool = found
    found.then(
      () => {
        failures = 0
      },
      (error: unknown) => {
        failures += 1
        failedAt = performance.now()
        lastError = error
        if (pool === found) pool = undefined
      },
    )
    return found
  }

  /**
   * Asks all hosts at once. The driver's own search, target_session_attrs, is not used: it asks
   * unreachable hosts again without end, without a pause and without an error.
   */
  async function findPrimary(): Promise<Sql> {
    const { default: postgres } = await import('postgres')
    const tls = await tlsOf(target)
    const password = await passwordOf(target)
    const open = (host: string, port: number, extra: Record<string, string> = {}): Sql =>
      postgres({
        host,
        port,
        ssl: tls(host) as never,
        database: target.database,
        ...(target.user !== undefined && { user: target.user }),
        ...(password && { pass: password }),
        max: maxConnections,
        connect_timeout: connectSeconds,
        // Errors of a connection are those of its statements.
        backoff: () => 0,
        fetch_types: false,
        onnotice: () => {},
        connection: {
          application_name: applicationName,
          search_path: target.schema,
          // What a client that was stopped has locked is free again after this.
          idle_in_transaction_session_timeout: Math.ceil(deadlineMs / 3),
          tcp_user_timeout: deadlineMs,
          ...options.settings,
          ...extra,
        },
      })
    const opened: Sql[] = []
    const asked = target.hosts.map(async ({ host, port }) => {
      const probe = open(host, port)
      opened.push(probe)
      const commit = await withDeadline(connectSeconds * 2000, inspect(probe))
      if (commit !== 'off' && commit !== 'local' && commit !== 'remote_write') return probe
      const sql = open(host, port, { synchronous_commit: 'on' })
      opened.push(sql)
      return sql
    })
    try {
      const sql = await Promise.any(asked)
      void Promise.allSettled(asked).then(() => endAll(opened.filter((each) => each !== sql)))
      return sql
    } catch (error) {
      endAll(opened)
      // The error of a server that answered is more specific than that of one that did not.
      const { errors } = error as AggregateError
      throw errors.find((each) => each instanceof UnusableServer) ?? errors[0]
    }
  }

  async function runOnce<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    if (closed) throw new StoreError('STORE_CLOSED', 'The database was closed.')
    let used: Promise<Sql> | undefined
    try {
      used = connected()
      const sql = await used
      return await withDeadline(deadlineMs, work(sql))
    } catch (error) {
      if (isLost(error) && used !== undefined && pool === used) {
        pool = undefined
        void used.then(
          (sql) => endAll([sql]),
          () => {},
        )
      }
      throw describePostgresError(error, target)
    }
  }

  async function run<T>(
    work: (sql: Sql) => Promise<T>,
    { isUrgent } = { isUrgent: false },
  ): Promise<T> {
    for (let conflicts = 0; ; conflicts += 1) {
      try {
        return await withConnection(() => runOnce(work), isUrgent)
      } catch (error) {
        const { cause } = error as Error
        if (!isConflict(cause) || conflicts >= maxConflicts) throw error
      }
    }
  }

  return {
    schema: target.schema,
    run,
    transaction: <T>(work: (sql: TransactionSql) => Promise<T>) =>
      run(async (sql) => (await sql.begin(work)) as T),
    close() {
      closed ??= (async () => {
        const sql = await pool?.catch(() => undefined)
        await sql?.end({ timeout: deadlineMs / 1000 })
      })()
      return closed
    },
  }
}

/** Resolves to how far a commit is synced. Rejects with UnusableServer if it is no primary. */
async function inspect(sql: Sql): Promise<string> {
  const [row] = await sql`
    select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as readonly,
      current_setting('server_version_num')::int / 10000 as version,
      current_setting('synchronous_commit') as commit`
  const { readonly, version, commit } = row as {
    readonly: boolean
    version: number
    commit: string
  }
  if (readonly) {
    throw new UnusableServer('it accepts no writes. Name its primary, or promote a standby.')
  }
  if (version < oldestVersion) {
    throw new UnusableServer(`it has version ${version}; ${oldestVersion} or newer is needed.`)
  }
  return commit
}

/** The driver's option `ssl` for a host. */
async function tlsOf(target: PostgresTarget) {
  const { sslmode, sslrootcert } = target
  const ca = sslrootcert && { ca: await readNamed(target, 'sslrootcert', sslrootcert) }
  return (host: string) => {
    if (sslmode === 'disable') return false
    if (sslmode !== 'verify-full') return sslmode
    // Of an address the driver passes no name on, and "localhost" would be looked for instead.
    const checkIdentity = (_: string, certificate: PeerCertificate) =>
      checkServerIdentity(host, certificate)
    return { rejectUnauthorized: true, ...ca, checkServerIdentity: checkIdentity }
  }
}

/**
 * The driver's option `pass`: resolves to the password. It never rejects, because the driver does not
 * handle that and the process would end: if its file cannot be read any more, the last one is used.
 */
async function passwordOf(target: PostgresTarget): Promise<(() => Promise<string>) | undefined> {
  const { password, passwordFile } = target
  if (password !== undefined) return async () => password
  if (passwordFile === undefined) return undefined
  const read = async () => (await readNamed(target, 'password_file', passwordFile)).trimEnd()
  let last = await read()
  return async () => {
    last = await read().catch(() => last)
    return last
  }
}

/** The text of a file that the parameter `name` of the URL names. Rejects with StoreError. */
async function readNamed(target: PostgresTarget, name: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new StoreError(
      'STORE_FAILED',
      `PostgreSQL at ${nameOf(target)} cannot be used: its ${name} cannot be read: ${(error as Error).message}. Correct the path, or let this user read the file.`,
      { cause: error },
    )
  }
}

function endAll(pools: readonly Sql[]): void {
  for (const sql of pools) void sql.end({ timeout: 0 }).catch(() => {})
}

function withDeadline<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`no answer within ${ms / 1000} s`)
      reject(Object.assign(error, { code: 'ETIMEDOUT' }))
    }, ms)
  })
  work.catch(() => {})
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
