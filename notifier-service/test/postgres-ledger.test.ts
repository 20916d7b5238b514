import { type AddressInfo, connect, createServer } from 'node:net'
import { describeOnPostgres, usePostgres } from '@herald/postgres/use-postgres'
import { silentLogger } from '@herald/runtime'
import { parsePostgresUrl } from '@herald/runtime/postgres'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { type DigestRule, defaultRule } from '#src/ledger/lanes'
import type { Ledger } from '#src/ledger/ledger'
import type { MailIdentity } from '#src/ledger/mail-record'
import { openPostgresLedger } from '#src/ledger/postgres/postgres-ledger'
import { createSendLane, type SendLaneParts } from '#src/send-lane'
import { type Holder, ledgerSuite } from './ledger-suite.js'

const patience = { timeout: 20_000, interval: 20 }
const event = { id: 'one', source: '//test' }
const mail: MailIdentity = {
  eventIds: ['one'],
  recipient: 'ada@example.com',
  from: 'Herald <herald@localhost>',
  messageId: '<one@localhost>',
  template: '1/en',
}

/** Passes on what a client and the server send, and loses a result with its connection on demand. */
async function startProxy(port: number) {
  let isLosing = false
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    client.on('error', () => {})
    server.on('error', () => {})
    client.on('close', () => server.destroy())
    server.on('close', () => client.destroy())
    client.pipe(server)
    server.on('data', (data) => {
      // The command is complete, and so is its commit.
      if (isLosing && data.includes('SELECT 1\0')) {
        isLosing = false
        client.destroy()
      } else client.write(data)
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void proxy.close())
  return {
    port: (proxy.address() as AddressInfo).port,
    loseNextResult() {
      isLosing = true
    },
  }
}

describeOnPostgres('on PostgreSQL', () => {
  const postgres = usePostgres()

  function open(
    schema: string,
    holder: string,
    digests: DigestRule,
    {
      url = postgres.server.url,
      ...options
    }: { url?: string; leaseMs?: number; now?: () => number } = {},
  ): Promise<Ledger> {
    const target = parsePostgresUrl(url, { schema })
    const times = { leaseMs: 10_000, maxReplyMs: 1000, ...options }
    return openPostgresLedger({ target, logger: silentLogger, holder, digests, ...times })
  }

  /** As `ledger`, but after each call its lease has run out, and the reply cannot come any more. */
  function gone(ledger: Ledger, schema: string): Ledger {
    const end = () =>
      postgres.server.query(
        `delete from ${schema}.holder where name like 'gone/%'; update ${schema}.mail set attempt_until = now() where holder like 'gone/%' and attempt_until is not null`,
      )
    const ending = <T extends object>(of: T): T =>
      new Proxy(of, {
        get(target, name) {
          const value = Reflect.get(target, name)
          if (name === 'lanes') return ending(value as object)
          if (typeof value !== 'function' || name === 'now') return value
          return async (...args: unknown[]) => {
            const result = await value.apply(target, args)
            if (name !== 'close') await end()
            return result
          }
        },
      })
    return ending(ledger)
  }

  const opened: Ledger[] = []
  afterEach(async () => {
    for (const ledger of opened.splice(0)) await ledger.close()
  })
  const openOne = async (...args: Parameters<typeof open>) => {
    const ledger = await open(...args)
    opened.push(ledger)
    return ledger
  }

  test('an answer that is lost at the commit: begin and settle repeated count once', async () => {
    const schema = postgres.newSchema()
    const proxy = await startProxy(postgres.server.port)
    const url = `postgres://herald@127.0.0.1:${proxy.port}/herald?sslmode=disable`
    const ledger = await openOne(schema, 'this', defaultRule, { url })
    const state = () => postgres.server.query(`select record->>'state' from ${schema}.mail`)
    expect(await ledger.find(event)).toBeUndefined()
    proxy.loseNextResult()
    await expect(ledger.begin(event, mail)).rejects.toMatchObject({ name: 'StoreError' })
    expect(await state()).toBe('attempting')
    // Nothing was sent: it is as before.
    await vi.waitFor(async () => expect(await ledger.find(event)).toBeUndefined(), patience)
    expect((await ledger.begin(event, mail))()).toBe(true)
    proxy.loseNextResult()
    const accepted = { state: 'accepted', reply: '250 ok' } as const
    await expect(ledger.settle(event, mail, accepted)).rejects.toMatchObject({ name: 'StoreError' })
    expect(await state()).toBe('accepted')
    const settle = () => ledger.settle(event, mail, accepted)
    expect(await vi.waitFor(settle, patience)).toMatchObject({ state: 'accepted', attempts: 1 })
    expect((await ledger.find(event))?.history).toHaveLength(1)
    expect(await ledger.pendingOutcomes(9)).toHaveLength(1)
  })

  test('an event or a reply with characters that PostgreSQL does not keep fails no other', async () => {
    const ledger = await openOne(postgres.newSchema(), 'this', defaultRule)
    const ids = ['one', 'nul \0', 'half \ud800', 'long '.repeat(2000), 'other']
    const refs = ids.map((id) => ({ id, source: `//test/${id}` }))
    const reply = '550 no \0 mailbox \udc00'
    await Promise.all(refs.map((ref) => ledger.begin(ref, mail)))
    await Promise.all(refs.map((ref) => ledger.settle(ref, mail, { state: 'failed', reply })))
    const found = await Promise.all(refs.map((ref) => ledger.find(ref)))
    expect(found.map((record) => record?.reply)).toEqual(ids.map(() => reply))
    expect(await ledger.pendingOutcomes(9)).toHaveLength(ids.length)
  })

  test('a holder whose lease ran out has lost its attempts, and goes on in a new epoch', async () => {
    const schema = postgres.newSchema()
    const stale = await openOne(schema, 'stale', defaultRule)
    const other = await openOne(schema, 'other', defaultRule)
    await stale.begin(event, mail)
    await postgres.server.query(`delete from ${schema}.holder where name like 'stale/%'`)
    // The reply may still come.
    expect(await other.find(event)).toMatchObject({ state: 'attempting' })
    await expect(other.begin(event, mail)).rejects.toMatchObject({ name: 'MailNotFree' })
    await postgres.server.query(`update ${schema}.mail set attempt_until = now()`)
    expect(await other.find(event)).toMatchObject({ state: 'unknown', unconfirmed: 1 })
    await other.begin(event, mail)
    const accepted = { state: 'accepted', reply: '250 ok' } as const
    await expect(stale.settle(event, mail, accepted)).rejects.toMatchObject({ name: 'MailNotFree' })
    await other.settle(event, mail, accepted)
    await stale.begin({ id: 'two', source: '//test' }, mail)
    const epochs = `select split_part(name, '/', 3) from ${schema}.holder where name like 'stale/%'`
    expect(await postgres.server.query(epochs)).toBe('2')
  })

  test('a clock of the database that is set forward ends no lease, and one that is set back prolongs none', async () => {
    const schema = postgres.newSchema()
    const { query } = postgres.server
    const leases = [
      await openOne(schema, 'one', defaultRule, { leaseMs: 1000 }),
      await openOne(schema, 'two', defaultRule, { leaseMs: 1000 }),
    ]
    const names = () => query(`select name from ${schema}.holder order by name`)
    const before = await names()
    // As if the clock were an hour ahead now.
    await query(`update ${schema}.holder set renewed_at = renewed_at - interval '1 hour'`)
    // As one that was killed before the clock was set back.
    await query(
      `insert into ${schema}.holder (name, renewed_at, lease_ms) values ('killed', now() + interval '1 hour', 1000)`,
    )
    await vi.waitFor(async () => expect(await names()).not.toContain('killed'), patience)
    expect(await names()).toBe(before)
    for (const ledger of leases) await ledger.check()
    expect(await names()).toBe(before)
  })

  test('an attempt that its holder began before the clock of the database was set back is not held for longer', async () => {
    const schema = postgres.newSchema()
    const stale = await openOne(schema, 'stale', defaultRule)
    const other = await openOne(schema, 'other', defaultRule)
    await stale.begin(event, mail)
    await postgres.server.query(
      `delete from ${schema}.holder where name like 'stale/%';
       update ${schema}.mail set attempt_until = attempt_until + interval '1 hour', updated_at = updated_at + 3600000`,
    )
    expect(await other.find(event)).toMatchObject({ state: 'unknown' })
  })

  test('a lane whose mails could not be read is sent later by the same notifier', async () => {
    const schema = postgres.newSchema()
    const ledger = await openOne(schema, 'only', defaultRule)
    const { server } = postgres
    const delivery = {
      ...{ topic: 'notifications', key: 'k', value: Buffer.from('1'), headers: {} },
      ...{ publishedAt: new Date(0), position: '0/0' },
    }
    const now = { nextAttemptAt: 0, behindOnly: false }
    await ledger.lanes.append('lane', { event, mail, delivery }, now)
    const sendLane = createSendLane({ ledger, logger: silentLogger } as unknown as SendLaneParts)
    const { signal } = new AbortController()
    expect(await ledger.lanes.claim()).toBe('lane')
    await server.query(`alter table ${schema}.entry rename to away`)
    await expect(sendLane('lane', { stop: signal, cutOff: signal })).rejects.toThrow()
    await server.query(`alter table ${schema}.away rename to entry`)
    await vi.waitFor(async () => expect(await ledger.lanes.claim()).toBe('lane'), patience)
  })

  test('an outcome that only its holder recorded late is not lost: nobody began meanwhile', async () => {
    const schema = postgres.newSchema()
    const stale = await openOne(schema, 'stale', defaultRule)
    await stale.begin(event, mail)
    await postgres.server.query(
      `delete from ${schema}.holder; update ${schema}.mail set attempt_until = now()`,
    )
    const accepted = { state: 'accepted', reply: '250 ok' } as const
    expect(await stale.settle(event, mail, accepted)).toMatchObject({ attempts: 1 })
  })

  test('an attempt may begin its body only for the time of the lease', async () => {
    const ledger = await openOne(postgres.newSchema(), 'this', defaultRule, { leaseMs: 300 })
    const isHeld = await ledger.begin(event, mail)
    expect(isHeld()).toBe(true)
    await expect.poll(isHeld).toBe(false)
  })

  test('nor after the machine was suspended, which a monotonic clock does not count', async () => {
    const ledger = await openOne(postgres.newSchema(), 'this', defaultRule)
    const isHeld = await ledger.begin(event, mail)
    expect(isHeld()).toBe(true)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 })
    onTestFinished(() => void vi.useRealTimers())
    expect(isHeld()).toBe(false)
  })

  test('times are those of the database, whatever this machine thinks', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 })
    onTestFinished(() => void vi.useRealTimers())
    const schema = postgres.newSchema()
    const ledger = await openOne(schema, 'this', defaultRule)
    await ledger.settle(event, mail, { state: 'accepted', reply: '250 ok' })
    const age = `select abs(extract(epoch from now()) * 1000 - updated_at) < 5000 from ${schema}.mail`
    expect(await postgres.server.query(age)).toBe('t')
  })

  ledgerSuite('the ledger in PostgreSQL', async () => {
    const schema = postgres.newSchema()
    return {
      async open(holder: Holder, digests) {
        // Tests of time set Date.
        const ledger = await open(schema, holder, digests, { now: Date.now })
        return holder === 'gone' ? gone(ledger, schema) : ledger
      },
      remove: async () => void (await postgres.server.query(`drop schema ${schema} cascade`)),
    }
  })
})
