import { execFile } from 'node:child_process'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startPostgres } from '@herald/postgres'
import { describeOnPostgres, usePostgres } from '@herald/postgres/use-postgres'
import { expect, onTestFinished, test, vi } from 'vitest'
import { migrate, openPostgres, type Postgres, parsePostgresUrl } from '#src/postgres/index'

const patience = { timeout: 60_000, interval: 50 }

const targetOf = (url: string, schema = 'herald') => parsePostgresUrl(url, { schema })

function open(url: string, schema?: string, deadlineMs = 15_000): Postgres {
  const postgres = openPostgres(targetOf(url, schema), { applicationName: 'test', deadlineMs })
  onTestFinished(() => postgres.close())
  return postgres
}

const one = (postgres: Postgres) => postgres.run((sql) => sql`select 1 as one`)
const messageOf = async (work: Promise<unknown>) => {
  const error = (await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )) as Error
  expect(error).toMatchObject({ name: 'StoreError' })
  return error.message
}

test('a URL has several hosts, a password or its file, TLS, and a schema', () => {
  const url = 'postgres://me:p%40ss@db1,[::1]:5433/herald?sslmode=require&schema=other&lease=9s'
  expect(parsePostgresUrl(url, { schema: 'herald', allowed: ['lease'] })).toEqual({
    hosts: [
      { host: 'db1', port: 5432 },
      { host: '::1', port: 5433 },
    ],
    ...{ database: 'herald', user: 'me', password: 'p@ss', sslmode: 'require', schema: 'other' },
    parameters: { lease: '9s' },
  })
  expect(targetOf('postgresql://db/herald?password_file=/run/secret')).toMatchObject({
    ...{ passwordFile: '/run/secret', sslmode: 'prefer', schema: 'herald' },
  })
})

test.each([
  ['mysql://db/herald', 'it does not begin with postgres://'],
  ['postgres://db', 'it names no database'],
  ['postgres://db?sslmode=require', 'it names no database'],
  ['postgres:///herald', 'it names no host'],
  ['postgres://me:secret@/herald', 'it names no host'],
  ['postgres://me:sec/ret@db/herald', 'that is not percent-encoded'],
  ['postgres://me:sec@ret@db/herald', 'that is not percent-encoded'],
  ['postgres://me:sec?ret@db/herald', 'that is not percent-encoded'],
  ['postgres://me:%zz@db/herald', 'the password is not percent-encoded'],
  ['postgres://me:secret/herald', 'a host is not host or host:port'],
  [
    'postgres://db/herald?sslmode=allow',
    'sslmode is none of disable, prefer, require, verify-full',
  ],
  ['postgres://db/herald?schema=a"b', 'schema is not a name of lower-case letters, digits and _'],
  ['postgres://db/herald?lease=9s', 'a parameter other than sslmode'],
  ['postgres://db/herald#x', 'it has a fragment'],
  ['postgres://db/a/b', 'the name of the database has a slash'],
  ['postgres://db:99999/herald', 'the port 99999 is not a number from 1 to 65535'],
  ['postgres://db:0/herald', 'the port 0 is not'],
])('%s is no URL of a database: %s', (url, why) => {
  expect(() => targetOf(url)).toThrow(why)
  expect(() => targetOf(url)).toThrow(
    expect.objectContaining({ message: expect.not.stringMatching(/secret|sec\b|\bret\b/) }),
  )
})

describeOnPostgres('on PostgreSQL', () => {
  const postgres = usePostgres()
  const startAnother = async (options: Parameters<typeof usePostgres>[0] = {}) => {
    const server = await startPostgres({ ...options, installation: postgres.installation })
    onTestFinished(() => server.destroy())
    return server
  }

  test('migrations are applied once and in order, by several programs at once', async () => {
    const schema = postgres.newSchema()
    const migrations = [
      'create table a (n int)',
      'insert into a values (1); insert into a values (2)',
    ]
    const both = [open(postgres.server.url, schema), open(postgres.server.url, schema)]
    await Promise.all(both.map((each) => migrate(each, migrations.slice(0, 1))))
    await Promise.all(both.map((each) => migrate(each, migrations)))
    expect(await postgres.server.query(`select count(*) from ${schema}.a`)).toBe('2')
  })

  test('a migration that fails changes nothing', async () => {
    const schema = postgres.newSchema()
    const database = open(postgres.server.url, schema)
    await expect(migrate(database, ['create table a (n int)', 'nonsense'])).rejects.toThrow(
      /nonsense/,
    )
    expect(await postgres.server.query(`select to_regnamespace('${schema}') is null`)).toBe('t')
  })

  test('a schema of a later version is refused', async () => {
    const schema = postgres.newSchema()
    await migrate(open(postgres.server.url, schema), ['create table a (n int)', 'drop table a'])
    expect(
      await messageOf(migrate(open(postgres.server.url, schema), ['create table a (n int)'])),
    ).toBe(
      `The schema ${schema} has version 2; this version of Herald reads version 1. Use the version of Herald that wrote it, or a later one.`,
    )
  })

  test('a user without the right to create schemas uses one that is there', async () => {
    const schema = postgres.newSchema()
    await postgres.server.query(`create role ${schema}_user login`)
    const url = postgres.server.url.replace('//herald@', `//${schema}_user@`)
    expect(await messageOf(migrate(open(url, schema), []))).toContain('permission denied')
    await postgres.server.query(`create schema ${schema} authorization ${schema}_user`)
    await migrate(open(url, schema), ['create table a (n int)'])
  })

  test('errors about data are not errors of the database', async () => {
    const database = open(postgres.server.url)
    await expect(database.run((sql) => sql`select ${'x'}::int`)).rejects.toMatchObject({
      name: 'PostgresError',
      code: '22P02',
    })
  })

  test('a database that is absent, and a server that is not there, are named', async () => {
    const { url, address, port } = postgres.server
    expect(await messageOf(one(open(`${url}_not`)))).toBe(
      `PostgreSQL at ${address}/herald_not has no database "herald_not". Create it: createdb herald_not`,
    )
    const nowhere = `postgres://127.0.0.1:${port - 9001}/herald`
    expect(await messageOf(one(open(nowhere)))).toMatch(/cannot be used: connect ECONNREFUSED/)
  })

  test('of several hosts the one that accepts writes is used, after a failover as well', async () => {
    const primary = await startAnother()
    const standby = await primary.startStandby()
    expect(await messageOf(one(open(standby.url)))).toBe(
      `PostgreSQL at ${standby.address}/herald cannot be used: it accepts no writes. Name its primary, or promote a standby.`,
    )
    const url = `postgres://herald@${standby.address},${primary.address}/herald`
    const database = open(url)
    const write = () =>
      database.run((sql) => sql`create table if not exists public.written (n int)`)
    await write()
    await primary.kill()
    await expect(write()).rejects.toMatchObject({ name: 'StoreError' })
    await standby.promote()
    await vi.waitFor(write, patience)
    expect(await standby.query('select count(*) from written')).toBe('0')
  })

  test('statements fail while the server is stopped, and succeed once it is started', async () => {
    const server = await startAnother()
    const database = open(server.url)
    await one(database)
    await server.stop()
    await expect(one(database)).rejects.toMatchObject({ name: 'StoreError' })
    await server.start()
    await vi.waitFor(() => one(database), patience)
  })

  test('statements that wait for a connection may together take longer than the deadline', async () => {
    const database = openPostgres(targetOf(postgres.server.url), {
      ...{ applicationName: 'test', maxConnections: 1, deadlineMs: 2000 },
    })
    onTestFinished(() => database.close())
    const statements = Array.from({ length: 6 }, () =>
      database.run((sql) => sql`select pg_sleep(0.5)`),
    )
    expect(await Promise.all(statements)).toHaveLength(6)
  })

  // Else a lease runs out behind a burst.
  test('an urgent statement does not wait behind others that wait for a connection', async () => {
    const database = openPostgres(targetOf(postgres.server.url), {
      ...{ applicationName: 'test', maxConnections: 1 },
    })
    onTestFinished(() => database.close())
    const done: string[] = []
    const run = (name: string, isUrgent = false) =>
      database.run((sql) => sql`select pg_sleep(0.01)`, { isUrgent }).then(() => done.push(name))
    await Promise.all([run('under way'), run('waits'), run('waits too'), run('urgent', true)])
    expect(done).toEqual(['under way', 'urgent', 'waits', 'waits too'])
  })

  test('a server that does not answer fails statements after the deadline', async () => {
    const server = await startAnother()
    const database = open(server.url, undefined, 500)
    await one(database)
    await server.signalAll('SIGSTOP')
    onTestFinished(() => server.signalAll('SIGCONT'))
    expect(await messageOf(one(database))).toMatch(/no answer within 0.5 s/)
  })

  test('with verify-full the server is checked, with require it is not', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'herald-tls-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const [key, certificate] = [join(folder, 'server.key'), join(folder, 'server.crt')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject]
    await promisify(execFile)('openssl', [...made, '-keyout', key, '-out', certificate])
    const { user } = postgres.installation
    await chmod(folder, 0o755)
    if (user) await chown(key, user.uid, user.gid)
    const settings = { ssl: 'on', ssl_key_file: key, ssl_cert_file: certificate }
    const server = await startAnother({ settings })
    const url = server.url.replace('127.0.0.1', 'localhost')
    const isEncrypted = (database: Postgres) =>
      database.run((sql) => sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`)
    for (const how of ['require', `verify-full&sslrootcert=${certificate}`]) {
      expect(await isEncrypted(open(`${url}?sslmode=${how}`))).toMatchObject([{ ssl: true }])
    }
    expect(await messageOf(one(open(`${url}?sslmode=verify-full`)))).toBe(
      `PostgreSQL at localhost:${server.port}/herald has a certificate that is not trusted: self-signed certificate. Name the certificate of its authority with sslrootcert=.`,
    )
    const byAddress = `${server.url}?sslmode=verify-full&sslrootcert=${certificate}`
    expect(await messageOf(one(open(byAddress)))).toMatch(
      /does not match.* Use a host name that its certificate has\.$/,
    )
    expect(await isEncrypted(open(`${url}?sslmode=disable`))).toMatchObject([{ ssl: false }])
  })

  test('a connection that pg_hba.conf does not allow is no matter of the password alone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'herald-hba-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await chmod(folder, 0o755)
    const file = join(folder, 'pg_hba.conf')
    await writeFile(file, 'host all herald 127.0.0.1/32 trust\n')
    const server = await startAnother({ settings: { hba_file: file } })
    const other = server.url.replace('//herald@', '//other@')
    expect(await messageOf(one(open(`${other}?sslmode=disable`)))).toBe(
      `PostgreSQL at ${server.address}/herald refused the user "other": no pg_hba.conf entry for host "127.0.0.1", user "other", database "herald", no encryption. Allow it in the server's pg_hba.conf, or correct the user, the database or sslmode.`,
    )
  })

  test('a commit is synced even if the server would not wait for it', async () => {
    const server = await startAnother({ settings: { synchronous_commit: 'off' } })
    const database = open(server.url)
    const [row] = await database.run((sql) => sql`show synchronous_commit`)
    expect(row).toEqual({ synchronous_commit: 'on' })
  })

  test('a wrong password is refused without being printed, and is read from its file each time', async () => {
    const server = await startAnother({ password: 'right' })
    const folder = await mkdtemp(join(tmpdir(), 'herald-password-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'password')
    await writeFile(file, 'wrong\n')
    const database = open(`${server.url}?password_file=${file}`)
    const message = await messageOf(one(database))
    expect(message).toMatch(/refused the user "herald": password authentication failed/)
    expect(message).not.toContain('wrong')
    await writeFile(file, 'right\n')
    await vi.waitFor(() => one(database), patience)
    const inUrl = open(server.url.replace('//herald@', '//herald:right@'))
    await one(inUrl)
  })

  // The driver does not handle a rejection of its option `pass`: the program ended with a stack.
  test('a password file that cannot be read is named, and one that is missing for a while does no harm', async () => {
    const server = await startAnother({ password: 'right' })
    const folder = await mkdtemp(join(tmpdir(), 'herald-password-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'password')
    const database = open(`${server.url}?password_file=${file}`)
    expect(await messageOf(one(database))).toBe(
      `PostgreSQL at ${server.address}/herald cannot be used: its password_file cannot be read: ENOENT: no such file or directory, open '${file}'. Correct the path, or let this user read the file.`,
    )
    expect(await messageOf(one(open(`${server.url}?password_file=${folder}`)))).toMatch(/EISDIR/)
    await writeFile(file, 'right\n')
    await vi.waitFor(() => one(database), patience)
    await rm(file)
    const atOnce = Array.from({ length: 6 }, () => database.run((sql) => sql`select pg_sleep(0.2)`))
    await Promise.all(atOnce)
  })

  test('what sslmode asks for is named if the server has no TLS, and a missing sslrootcert', async () => {
    const { url, address } = postgres.server
    const at = `PostgreSQL at ${address}/herald`
    expect(await messageOf(one(open(`${url}?sslmode=require`)))).toBe(
      `${at} disconnected before TLS was established. sslmode=require needs TLS: enable it on the server (ssl = on).`,
    )
    const missing = `${url}?sslmode=verify-full&sslrootcert=/no/such/file`
    expect(await messageOf(one(open(missing)))).toContain(
      `${at} cannot be used: its sslrootcert cannot be read: ENOENT`,
    )
  })
})

test('what is not PostgreSQL is named', async () => {
  const other = createServer((socket) => socket.end('hello\r\n'))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void other.close())
  const { port } = other.address() as { port: number }
  const database = open(`postgres://127.0.0.1:${port}/herald?sslmode=disable`)
  expect(await messageOf(one(database))).toMatch(/cannot be used/)
})
