import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startPostgres } from '@herald/postgres'
import { describeOnPostgres, usePostgres } from '@herald/postgres/use-postgres'
import { skewedClock } from '@herald/runtime/test/skewed-clock'
import { expect, onTestFinished, test, vi } from 'vitest'
import { event, eventIdsOf, gauge } from './digest-run.js'
import { message, publish, uuidv7 } from './publish.js'
import { fileConverted } from './sample-events.js'
import { startScriptedSmtp } from './scripted-smtp.js'
import { useStage } from './stage.js'

vi.setConfig({ testTimeout: 120_000 })
const patience = { timeout: 60_000, interval: 50 }
const stage = useStage()
const run = promisify(execFile)

/** The Message-ID's part that is the event's. */
const idOf = ({ raw }: { raw: string }) => /^Message-ID: <(.{36})@/im.exec(raw)?.[1] ?? ''

async function startSmtp(script: Parameters<typeof startScriptedSmtp>[0] = {}) {
  const server = await startScriptedSmtp(script)
  stage.defer(() => server.close())
  return server
}

/** To several recipients, so that many are sent at once. */
const messagesFor = (ids: readonly string[], recipients = 20) =>
  ids.map((id, n) => {
    const recipient = { address: `reader-${n % recipients}@example.com` }
    return message(fileConverted({ recipient }), id)
  })

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const newIds = (count: number) => Array.from({ length: count }, () => uuidv7())

const twice = (ids: readonly string[]) => ids.filter((id, at) => ids.indexOf(id) !== at)

describeOnPostgres('several notifiers with one ledger in PostgreSQL', () => {
  const postgres = usePostgres()

  /** What a notifier of its own machine has: its own data folder, and the group that is named. */
  function start(
    name: string,
    schema: string,
    smtpUrl: string,
    env: Record<string, string> = {},
    url = postgres.server.url,
  ) {
    return stage.start({
      HERALD_DATA: join(stage.data, name),
      HERALD_LEDGER: `${url}?schema=${schema}&lease=2s`,
      HERALD_SMTP: smtpUrl,
      HERALD_SMTP_TIMEOUT: '1s',
      HERALD_PARK_FOR: '100ms',
      ...env,
    })
  }

  test('a notifier that waits for its database at the start is alive, and not ready with the reason', async () => {
    const server = await startPostgres({ installation: postgres.installation })
    stage.defer(() => server.destroy())
    await server.stop()
    const port = await freePort()
    const probes = `http://127.0.0.1:${port}`
    const smtp = await startSmtp()
    const started = stage.start({
      HERALD_LEDGER: `${server.url}?lease=2s`,
      HERALD_SMTP: smtp.url,
      HERALD_NOTIFIER_PROBES: `127.0.0.1:${port}`,
    })
    await vi.waitFor(async () => {
      const answer = await fetch(`${probes}/readyz`)
      expect(answer.status).toBe(503)
      expect(await answer.text()).toMatch(/"ledger: PostgreSQL at .* ECONNREFUSED/)
    }, patience)
    expect((await fetch(`${probes}/livez`)).status).toBe(200)
    await server.start()
    const { log } = await started
    expect(log.map(({ msg }) => msg)).toContain('the ledger cannot be reached: trying again')
    expect(log.find(({ msg }) => msg === 'ready')).toMatchObject({
      ledger: `PostgreSQL at ${server.address}/herald, schema herald_mail`,
    })
    await vi.waitFor(async () => {
      expect((await fetch(`${probes}/readyz`)).status).toBe(200)
    }, patience)
  })

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'a deferred mail and a gathered digest of a notifier that is gone after %s are sent by another',
    async (signal) => {
      const schema = postgres.newSchema()
      let isBusy = true
      const smtp = await startSmtp({ rcpt: () => (isBusy ? '450 4.2.0 mailbox busy' : undefined) })
      const first = await start('first', schema, smtp.url)
      const [deferred = '', ...gathered] = newIds(3)
      const runId = uuidv7()
      await publish(stage.broker, [
        ...messagesFor([deferred]),
        ...gathered.map((id) => message(event(id, { run: runId, runSize: 3 }), id)),
      ])
      await vi.waitFor(async () => {
        expect(await gauge(first.probesUrl, 'deferred_events')).toBe(1)
        expect(await gauge(first.probesUrl, 'gathered_events')).toBe(2)
      }, patience)
      await first.stop(signal)
      isBusy = false
      // The last event of the run comes to the other notifier.
      await start('second', schema, smtp.url)
      const last = uuidv7()
      await publish(stage.broker, [message(event('last', { run: runId, runSize: 3 }), last)])
      await vi.waitFor(async () => {
        expect(await eventIdsOf(smtp.accepted)).toEqual([deferred, ...gathered, last].sort())
      }, patience)
      expect(smtp.accepted).toHaveLength(2)
    },
  )

  test('of two notifiers that get each event at once one sends it; killed, only mails between 354 and reply come twice', async () => {
    const schema = postgres.newSchema()
    const smtp = await startSmtp({ body: () => pause(5) })
    const both = [
      await start('first', schema, smtp.url, { HERALD_GROUP: 'first' }),
      await start('second', schema, smtp.url, { HERALD_GROUP: 'second' }),
    ]
    const ids = newIds(300)
    await publish(stage.broker, messagesFor(ids))
    await vi.waitFor(() => expect(smtp.bodies.length).toBeGreaterThan(100), patience)
    const inFlight = smtp.begun.length - smtp.accepted.length
    await both[0]?.stop('SIGKILL')
    await vi.waitFor(() => expect(new Set(smtp.accepted.map(idOf)).size).toBe(300), patience)
    const doubles = twice(smtp.accepted.map(idOf))
    process.stdout.write(
      `kill -9 of one of two notifiers amid 300 mails: ${doubles.length} twice (bound: the 4 connections; ${inFlight} were seen in flight)\n`,
    )
    expect(doubles.length).toBeLessThanOrEqual(4)
  })

  test('notifiers whose machines have other clocks send each mail once, none late, and measure alike', async () => {
    const schema = postgres.newSchema()
    const tries = new Map<string, number>()
    const smtp = await startSmtp({
      rcpt: (to) => {
        tries.set(to, (tries.get(to) ?? 0) + 1)
        return to.startsWith('busy') && (tries.get(to) ?? 0) < 3 ? '451 4.7.1 later' : undefined
      },
    })
    const dayMs = 86_400_000
    const both = await Promise.all(
      [2 * dayMs, -2 * dayMs].map((aheadMs, at) =>
        start(`machine-${at}`, schema, smtp.url, {
          HERALD_GROUP: `group-${at}`,
          HERALD_MAIL_MAX_AGE: '1h',
          HERALD_DIGEST_QUIET: '2s',
          NODE_OPTIONS: skewedClock(aheadMs),
        }),
      ),
    )
    const ids = newIds(12)
    const runId = uuidv7()
    await publish(
      stage.broker,
      ids.map((id, at) => {
        const recipient = { address: `${at % 2 === 0 ? 'busy' : 'free'}-${at % 6}@example.com` }
        return at < 10
          ? message(fileConverted({ recipient }), id)
          : message(event(`${at}`, { run: runId }), id)
      }),
    )
    await vi.waitFor(async () => {
      expect(await eventIdsOf(smtp.accepted)).toEqual([...ids].sort())
    }, patience)
    // The two of the run in one.
    expect(smtp.accepted).toHaveLength(11)
    for (const { probesUrl } of both) {
      const metrics = await (await fetch(`${probesUrl}/metrics`)).text()
      const sum = (name: string) =>
        Number(
          new RegExp(`^herald_notifier_latency_seconds_${name}\\{.*\\} (\\S+)$`, 'm').exec(
            metrics,
          )?.[1],
        )
      if (sum('count') > 0) {
        expect(sum('sum')).toBeGreaterThan(0)
        expect(sum('sum')).toBeLessThan(3600)
      }
    }
  })

  test('a notifier that is stopped between the record and the body sends nothing when it continues', async () => {
    const schema = postgres.newSchema()
    const smtp = await startSmtp()
    const stopped = await start('stopped', schema, smtp.url, { HERALD_GROUP: 'first' })
    const [warmUp = '', id = ''] = newIds(2)
    await publish(stage.broker, messagesFor([warmUp]))
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(1), patience)
    // The record of the attempt waits for it, and is committed while the notifier is stopped.
    const lock = delayInsert(schema, id)
    await vi.waitFor(async () => expect(await lock.isUnderWay()).toBe(1), patience)
    await publish(stage.broker, messagesFor([id]))
    await vi.waitFor(async () => expect(await lock.waiting()).toBeGreaterThan(0), patience)
    process.kill(stopped.pid, 'SIGSTOP')
    await lock.release()
    const state = `select record->>'state' from ${schema}_mail.mail where id = '${id}'`
    await vi.waitFor(
      async () => expect(await postgres.server.query(state)).toBe('attempting'),
      patience,
    )
    const other = await start('other', schema, smtp.url, { HERALD_GROUP: 'second' })
    await vi.waitFor(() => expect(smtp.accepted.map(idOf)).toEqual([warmUp, id]), patience)
    process.kill(stopped.pid, 'SIGCONT')
    const lost = 'the lease in the ledger ran out: attempts and lanes were given up'
    await vi.waitFor(() => expect(stopped.log.map(({ msg }) => msg)).toContain(lost), patience)
    // It goes on with what comes next.
    await other.stop()
    const next = uuidv7()
    await publish(stage.broker, messagesFor([next]))
    await vi.waitFor(() => expect(smtp.accepted.map(idOf)).toContain(next), patience)
    expect(smtp.begun).toHaveLength(3)
  })

  test('while PostgreSQL is stopped nothing is sent, and each mail once afterwards', async () => {
    const schema = postgres.newSchema()
    let isBusy = true
    const rcpt = (to: string) => (isBusy && to.startsWith('reader-1@') ? '450 later' : undefined)
    const smtp = await startSmtp({ rcpt })
    const notifier = await start('first', schema, smtp.url)
    const ids = newIds(40)
    await publish(stage.broker, messagesFor(ids.slice(0, 2)))
    await vi.waitFor(async () => {
      expect(smtp.accepted).toHaveLength(1)
      expect(await gauge(notifier.probesUrl, 'deferred_events')).toBe(1)
    }, patience)
    await postgres.server.stop()
    await publish(stage.broker, messagesFor(ids).slice(2))
    const ready = async () => (await fetch(`${notifier.probesUrl}/readyz`)).text()
    await vi.waitFor(
      async () => expect(await ready()).toMatch(/ledger: PostgreSQL at 127/),
      patience,
    )
    expect((await fetch(`${notifier.probesUrl}/metrics`)).status).toBe(200)
    expect(smtp.begun).toHaveLength(1)
    isBusy = false
    await postgres.server.start()
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(40), patience)
    expect(smtp.accepted.map(idOf).sort()).toEqual([...ids].sort())
    await vi.waitFor(async () => expect(await ready()).toContain('"ok"'), patience)
    expect(await notifier.stop()).toBe(0)
  })

  // It was ready, and logged stacks, while none of its mails could be sent.
  test('without its tables a notifier is not ready and sends nothing; once they are restored, each mail once', async () => {
    const schema = postgres.newSchema()
    const smtp = await startSmtp()
    const notifier = await start('first', schema, smtp.url)
    await postgres.server.query(`alter schema ${schema}_mail rename to ${schema}_away`)
    const ids = newIds(20)
    await publish(stage.broker, messagesFor(ids))
    const ready = async () => (await fetch(`${notifier.probesUrl}/readyz`)).text()
    await vi.waitFor(
      async () => expect(await ready()).toMatch(/ledger: PostgreSQL at .* has other tables than/),
      patience,
    )
    await postgres.server.query(`alter schema ${schema}_away rename to ${schema}_mail`)
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(20), patience)
    expect(smtp.accepted.map(idOf).sort()).toEqual([...ids].sort())
    await vi.waitFor(async () => expect(await ready()).toContain('"ok"'), patience)
    expect(notifier.log.filter(({ level }) => Number(level) >= 50)).toEqual([])
    expect(await notifier.stop()).toBe(0)
  })

  test('a synchronous standby that is promoted has every record, and mails go on', async () => {
    const settings = { synchronous_commit: 'on' }
    const primary = await startPostgres({ installation: postgres.installation, settings })
    onTestFinished(() => primary.destroy())
    const standby = await primary.startStandby()
    await primary.configure({ synchronous_standby_names: 'standby' })
    const smtp = await startSmtp({ body: () => pause(5) })
    const url = `postgres://herald@${primary.address},${standby.address}/herald`
    const both = [
      await start('first', 'failover', smtp.url, { HERALD_GROUP: 'first' }, url),
      await start('second', 'failover', smtp.url, { HERALD_GROUP: 'second' }, url),
    ]
    const ids = newIds(300)
    await publish(stage.broker, messagesFor(ids))
    await vi.waitFor(() => expect(smtp.bodies.length).toBeGreaterThan(100), patience)
    await primary.kill()
    const sentBefore = smtp.accepted.map(idOf)
    await standby.promote()
    await vi.waitFor(() => expect(new Set(smtp.accepted.map(idOf)).size).toBe(300), patience)
    const kept = await standby.query('select id from failover_mail.mail')
    expect(kept.split('\n')).toEqual(expect.arrayContaining(sentBefore))
    const doubles = twice(smtp.accepted.map(idOf))
    process.stdout.write(
      `PostgreSQL killed and its standby promoted amid 300 mails: ${doubles.length} twice (bound: the 8 connections)\n`,
    )
    expect(doubles.length).toBeLessThanOrEqual(8)
    for (const each of both) expect(await each.stop()).toBe(0)
  })

  test('/deliveries, and another schema for the webhook', async () => {
    const schema = postgres.newSchema()
    const smtp = await startSmtp()
    const skewed = { NODE_OPTIONS: skewedClock(86_400_000) }
    const notifier = await start('first', schema, smtp.url, skewed)
    const id = uuidv7()
    await publish(stage.broker, messagesFor([id]))
    await vi.waitFor(() => expect(smtp.accepted).toHaveLength(1), patience)
    await vi.waitFor(async () => {
      const found = await fetch(`${notifier.probesUrl}/deliveries/${id}`)
      const answer = (await found.json()) as { now: string }
      expect(answer).toMatchObject({ deliveries: [{ state: 'accepted', attempts: 1 }] })
      expect(Math.abs(Date.parse(answer.now) - Date.now())).toBeLessThan(60_000)
    }, patience)
    await stage.startWebhook({
      HERALD_LEDGER: `${postgres.server.url}?schema=${schema}`,
      HERALD_WEBHOOK_URL: 'http://127.0.0.1:9/',
      HERALD_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
    })
    const tables = await postgres.server.query(
      `select count(*) from information_schema.schemata where schema_name in ('${schema}_mail', '${schema}_webhook')`,
    )
    expect(tables).toBe('2')
  })

  /** Inserts the mail in a transaction that is not committed: another insert waits until it is released. */
  function delayInsert(schema: string, id: string) {
    const { url, query } = postgres.server
    const row = `'${id}', '//herald.test/client', gen_random_uuid(), '{}', 0, 0, false`
    const insert = `insert into ${schema}_mail.mail (id, source, tag, record, updated_at, aged_at, in_lane) values (${row})`
    const args = ['-X', '-q', '-c', `begin; ${insert}; select pg_sleep(600)`, url]
    const session = run(join(postgres.installation.programs, 'psql'), args).catch(() => {})
    const count = async (where: string) =>
      Number(await query(`select count(*) from pg_stat_activity where ${where}`))
    const sleeps = "wait_event = 'PgSleep'"
    return {
      isUnderWay: () => count(sleeps),
      waiting: () => count("wait_event in ('transactionid', 'spectoken')"),
      async release() {
        await query(`select pg_terminate_backend(pid) from pg_stat_activity where ${sleeps}`)
        await session
      },
    }
  }
})

const pause = (ms: number) =>
  new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), ms))
