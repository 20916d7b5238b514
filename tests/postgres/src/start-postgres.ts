import { execFile } from 'node:child_process'
import { appendFile, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { PostgresInstallation } from './find-postgres.js'
import { freePort, PostgresProcess } from './postgres-process.js'

export interface StartPostgresOptions {
  readonly installation: PostgresInstallation
  /** Of the user `herald`. Default: everybody on this machine is trusted. */
  readonly password?: string
  /** A further address of this machine to listen on; its network is trusted as loopback is. */
  readonly host?: string
  /** As postgresql.conf has them. */
  readonly settings?: Settings
}

type Settings = Readonly<Record<string, string>>

/** A server on loopback with a superuser and a database named `herald`. */
export interface PostgresServer {
  readonly port: number
  /** `127.0.0.1:15432`. */
  readonly address: string
  /** `postgres://herald@127.0.0.1:15432/herald`, without the password. */
  readonly url: string
  /** Runs SQL with psql; resolves to what it prints, one line a row, columns separated by `|`. */
  query(sql: string): Promise<string>
  /** Adds settings and loads them. */
  configure(settings: Settings): Promise<void>
  /** Starts it again on its data and port. */
  start(): Promise<void>
  /** Ends every session and stops it; the data stays. Idempotent. */
  stop(): Promise<void>
  /** SIGKILLs it. Idempotent. */
  kill(): Promise<void>
  /** Suspends or continues every process of it. A suspended server takes connections and answers nothing. */
  signalAll(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void>
  /** Starts a standby, which replicates by the name `standby`. */
  startStandby(): Promise<PostgresServer>
  /** Makes a standby the primary; resolves when it accepts writes. */
  promote(): Promise<void>
  /** SIGKILLs it and deletes its data, those of its standbys as well. */
  destroy(): Promise<void>
}

const run = promisify(execFile)

/** Starts PostgreSQL with a folder and a port of its own; resolves when it accepts connections. */
export async function startPostgres(options: StartPostgresOptions): Promise<PostgresServer> {
  const { installation, password, host, settings = {} } = options
  const { data, folder } = await makeFolder(installation)
  const auth = password === undefined ? 'trust' : 'scram-sha-256'
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, password ?? 'none')
  const own = ['-D', data, '-U', 'herald', '-A', auth, '--pwfile', passwordFile]
  const form = ['-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions']
  await runAs(installation, 'initdb', [...own, ...form])
  const server = makeServer({ installation, folder, data, password, port: await freePort() })
  const addresses = ['127.0.0.1', ...(host === undefined ? [] : [host])]
  const basic = { listen_addresses: addresses.join(), unix_socket_directories: '', ...settings }
  await writeSettings(data, basic)
  if (host !== undefined) {
    // Standbys get a copy of it.
    await appendFile(join(data, 'pg_hba.conf'), `host all all samenet ${auth}\n`)
  }
  await server.start()
  const where = ['-h', '127.0.0.1', '-p', String(server.port), '-U', 'herald']
  await runAs(installation, 'createdb', [...where, 'herald'], environment(password))
  return server
}

interface ServerParts {
  readonly installation: PostgresInstallation
  readonly folder: string
  readonly data: string
  readonly port: number
  readonly password: string | undefined
}

function makeServer({ installation, folder, data, port, password }: ServerParts): PostgresServer {
  const server = new PostgresProcess(installation, data, port)
  const standbys: PostgresServer[] = []
  const url = `postgres://herald@127.0.0.1:${port}/herald`
  const env = environment(password)

  async function query(sql: string): Promise<string> {
    const args = ['-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', '-c', sql, url]
    const { stdout } = await run(join(installation.programs, 'psql'), args, { env })
    return stdout.trimEnd()
  }

  return {
    port,
    address: `127.0.0.1:${port}`,
    url,
    query,
    async configure(settings) {
      await writeSettings(data, settings)
      await query('select pg_reload_conf()')
    },
    start: () => server.start(),
    stop: () => server.end('SIGINT'),
    kill: () => server.end('SIGKILL'),
    signalAll: (signal) => server.signalAll(signal),
    async startStandby() {
      const made = await makeFolder(installation)
      const from = `host=127.0.0.1 port=${port} user=herald application_name=standby`
      const how = ['--checkpoint=fast', '--no-sync', '-R']
      await runAs(installation, 'pg_basebackup', ['-D', made.data, '-d', from, ...how], env)
      // Only the primary has to wait for a standby.
      await writeSettings(made.data, { synchronous_standby_names: '' })
      const parts = { ...made, installation, password, port: await freePort() }
      const standby = makeServer(parts)
      standbys.push(standby)
      await standby.start()
      return standby
    },
    async promote() {
      await runAs(installation, 'pg_ctl', ['-D', data, '-w', 'promote'])
    },
    async destroy() {
      await Promise.all(standbys.map((standby) => standby.destroy()))
      await server.end('SIGKILL')
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}

const environment = (password: string | undefined) => ({
  ...process.env,
  ...(password !== undefined && { PGPASSWORD: password }),
})

/** A folder that the server's user may use. */
async function makeFolder({ user }: PostgresInstallation) {
  const folder = await mkdtemp(join(tmpdir(), 'herald-postgres-'))
  const data = join(folder, 'data')
  await mkdir(data, { mode: 0o700 })
  for (const each of user ? [folder, data] : []) await chown(each, user?.uid ?? 0, user?.gid ?? 0)
  return { folder, data }
}

/** A later setting counts. */
async function writeSettings(data: string, settings: Settings): Promise<void> {
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`,
  )
  await appendFile(join(data, 'postgresql.conf'), lines.join(''))
}

/** Runs one of PostgreSQL's programs as the server's user. */
function runAs(
  { programs, user }: PostgresInstallation,
  program: string,
  args: string[],
  env = process.env,
) {
  return run(join(programs, program), args, { ...user, cwd: '/', env })
}
