import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describeOnPostgres, usePostgres } from '@herald/postgres/use-postgres'
import { openBlobStore } from '@herald/runtime/blobs'
import { silentLogger } from '@herald/runtime/logger'
import { openPostgres, type Postgres, parsePostgresUrl } from '@herald/runtime/postgres'
import { openStore } from '@herald/runtime/store'
import { mountSmallDisk, noSmallDisk } from '@herald/runtime/test/small-disk'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type ConversionEvent, openConversionEvents } from '../src/web/conversion-events.js'
import { factsOf, newRecord } from '../src/web/conversion-facts.js'
import { manageConversions } from '../src/web/conversions.js'
import { openLmdbRecords } from '../src/web/lmdb-records.js'
import { openPostgresRecords } from '../src/web/postgres/postgres-records.js'
import { openRemoteChanges } from '../src/web/postgres/remote-changes.js'
import type { ConversionRecord } from '../src/web/record.js'
import type { Records } from '../src/web/records.js'
import { startSweep } from '../src/web/sweep.js'
import { describeRecords } from './web-records.js'

/** A process of this machine that has ended: its start is another one than that of process 1. */
const deadProcess = (instance: string) => instance.replace(/-\d+-\d+-/, '-1-12345-')

describeRecords('a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'herald-records-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return {
    open: () => openLmdbRecords(folder),
    async killHolderOf(records, tokens) {
      for (const token of tokens) {
        await records.change(token, { holder: deadProcess(records.instance) })
      }
    },
  }
})

describeOnPostgres('on PostgreSQL', () => {
  const postgres = usePostgres()
  const targetOf = (schema: string) => {
    const target = parsePostgresUrl(`${postgres.server.url}?schema=${schema}`, { schema })
    if (!target) throw new Error('not a URL')
    return target
  }
  const open = (schema: string) => openPostgresRecords(targetOf(schema), silentLogger)

  describeRecords('PostgreSQL', async () => {
    const schema = postgres.newSchema()
    return {
      open: () => open(schema),
      async killHolderOf(records, tokens) {
        for (const token of tokens) await records.change(token, { holder: 'gone' })
      },
    }
  })

  describe('two instances', { timeout: 60_000 }, () => {
    const openTwo = async (): Promise<[Records, Records]> => {
      const schema = postgres.newSchema()
      const both = [await open(schema), await open(schema)] as const
      onTestFinished(async () => {
        await Promise.all(both.map((each) => each.close()))
      })
      return [...both]
    }
    const record = (records: Records, token: string) =>
      ({
        ...{ token, owner: 'ada', key: token, runToken: 'run', state: 'converting', files: [] },
        ...{ holder: records.instance, createdAtMs: 1, finishedAtMs: 0, announcement: null },
      }) as never
    const follow = (records: Records) => {
      const events: ConversionEvent[] = []
      records.follow((event) => events.push(event))
      return events
    }

    test('one sees what the other changes, in order, and not what it changes itself', async () => {
      const [one, other] = await openTwo()
      const seen = follow(other)
      follow(one)
      await one.put(record(one, 'a'))
      await expect.poll(() => seen.length).toBe(1)
      await other.put(record(other, 'own'))
      one.sendProgress(record(one, 'a'), { stage: 'converting', done: 0.5 })
      await expect.poll(() => seen.length).toBe(2)
      await one.finish('a', { state: 'converted' }, {})
      await expect.poll(() => seen.length).toBe(3)
      await one.remove(record(one, 'a'))
      await expect.poll(() => seen.length).toBe(4)
      expect(seen.map(({ kind, record: { token } }) => `${kind} ${token}`)).toEqual([
        'record a',
        'progress a',
        'record a',
        'removed a',
      ])
      expect(seen[2]).toMatchObject({ record: { state: 'converted' } })
    })

    test('changes are read once, also beside a transaction that takes long', async () => {
      const schema = postgres.newSchema()
      const one = await open(schema)
      onTestFinished(() => one.close())
      const { query } = postgres.server
      const end =
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(62)'"
      onTestFinished(async () => void (await query(end)))
      void query('begin; select pg_current_xact_id(); select pg_sleep(62)').catch(() => {})
      const begun =
        "select count(*) from pg_stat_activity where query like '%pg_sleep(62)' and backend_xid is not null"
      await expect.poll(() => query(begun)).toBe('1')

      const database = openPostgres(targetOf(schema), { applicationName: 'test' })
      onTestFinished(() => database.close())
      let rowsRead = 0
      const counting: Postgres = {
        ...database,
        async run(work) {
          const result = await database.run(work)
          if (Array.isArray(result)) rowsRead += result.length
          return result
        },
      }
      const remote = await openRemoteChanges(counting, {
        instance: 'other',
        channel: `herald_web_${schema}`,
        logger: silentLogger,
      })
      onTestFinished(() => remote.close())
      const seen = new Set<string>()
      remote.follow(({ record }) => seen.add(record.token))
      const names = Array.from({ length: 100 }, (_, at) => `${at}`)
      for (const name of names) await one.put(record(one, name))
      await expect.poll(() => seen.size).toBe(names.length)
      rowsRead = 0
      await one.put(record(one, 'last'))
      await expect.poll(() => seen.has('last')).toBe(true)
      expect(rowsRead).toBeLessThan(names.length)
    })

    test('records of a restored dump, whose transactions are ahead of the server, are no changes', async () => {
      const schema = postgres.newSchema()
      const one = await open(schema)
      const other = await open(schema)
      for (const each of [one, other]) onTestFinished(() => each.close())
      await one.put(record(one, 'restored'))
      await postgres.server.query(`update ${schema}.conversion set changed_in = '1000000000000'`)
      const seen = follow(other)
      for (const name of ['a', 'b']) {
        await one.put(record(one, name))
        await expect.poll(() => seen.map(({ record: { token } }) => token)).toContain(name)
      }
      expect(seen.map(({ record: { token } }) => token)).not.toContain('restored')
    })

    test('no change is missed when PostgreSQL was away', async () => {
      const [one, other] = await openTwo()
      const seen = follow(other)
      await one.put(record(one, 'a'))
      await expect.poll(() => seen.length).toBe(1)
      await postgres.server.kill()
      await expect(one.get('a')).rejects.toMatchObject({ name: 'StoreError' })
      await postgres.server.start()
      await expect
        .poll(
          () =>
            one.put(record(one, 'b')).then(
              () => true,
              () => false,
            ),
          { timeout: 20_000 },
        )
        .toBe(true)
      await expect
        .poll(() => seen.map(({ record: { token } }) => token), { timeout: 20_000 })
        .toContain('b')
      one.sendProgress(record(one, 'b'), { stage: 'converting', done: 0.5 })
      await expect.poll(() => seen.at(-1)?.kind, { timeout: 20_000 }).toBe('progress')
    })

    test('each takes a turn, an expected file and a lost conversion alone', async () => {
      const [one, other] = await openTwo()
      const both = [one, other]
      const turns = await Promise.all(both.map((each) => each.takeTurn('sweep', 60_000)))
      expect(turns.filter(Boolean)).toHaveLength(1)
      const counts = await Promise.all(both.map((each) => each.count('files', 60_000)))
      expect(counts.map(({ count }) => count).sort()).toEqual([1, 2])
      expect(one.installation).toBe(other.installation)
      await one.put({ ...(record(one, 'a') as object), isExpected: true } as never)
      const taken = await Promise.all(both.map((each) => each.takeExpected('ada', 'a', true)))
      expect(taken.filter((each) => each !== undefined)).toHaveLength(1)
    })

    test('what an instance holds without knowing comes back to it, once it may judge', async () => {
      const [one] = await openTwo()
      const base = record(one, '') as object
      const updatedAtMs = Date.now() - 120_000
      await one.put({ ...base, token: 'lost', updatedAtMs } as never)
      await one.put({ ...base, token: 'runs', updatedAtMs } as never)
      await one.put({ ...base, token: 'new', updatedAtMs: Date.now() } as never)
      const announcement = { eventId: 'e1', entryId: '', publishedAtMs: 0 }
      const over = { ...base, state: 'converted', updatedAtMs }
      await one.put({ ...over, token: 'unannounced', announcement } as never)
      const inOutbox = { ...announcement, eventId: 'e2', entryId: 'e2' }
      await one.put({ ...over, token: 'waits', announcement: inOutbox } as never)
      let found: string[] = []
      await expect
        .poll(
          async () => {
            const taken = await one.takeOver((token) => token === 'runs')
            found = [...found, ...taken.map(({ token }) => token)]
            return found.length
          },
          { timeout: 30_000, interval: 100 },
        )
        .toBe(2)
      expect(found.sort()).toEqual(['lost', 'unannounced'])
    })

    test('retention is by the clock of the database, not by those of the machines', async () => {
      const [one] = await openTwo()
      const dayMs = 86_400_000
      const folder = await mkdtemp(join(tmpdir(), 'herald-results-'))
      onTestFinished(() => rm(folder, { recursive: true, force: true }))
      const results = await openBlobStore(pathToFileURL(folder).href)
      const tools = { records: one, results, events: openConversionEvents(), logger: silentLogger }
      const unused = { converter: {}, announcer: {}, links: {}, incoming: folder }
      const conversions = manageConversions({ ...tools, ...unused } as never)
      onTestFinished(() => void vi.useRealTimers())
      const setClock = (aheadMs: number) => {
        vi.useRealTimers()
        if (aheadMs) vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + aheadMs })
      }
      const end = async () => {
        const given = { owner: 'ada', runToken: 'r', runId: 'r', spec: { format: 'webp' } } as never
        const made = newRecord(given, 'a.png', one)
        await one.put(made)
        const facts = factsOf({ summary: {}, renditions: [] } as never, one.now())
        await one.finish(made.token, { ...facts, state: 'converted' }, {})
        return made.token
      }
      const sweepOnce = () => startSweep({ ...tools, conversions, keepMs: dayMs }).close()

      const converted = await end()
      setClock(-2 * dayMs)
      const behind = await end()
      const deleted = (await one.get(await end())) as ConversionRecord
      await conversions.setDeleted(deleted, true)
      setClock(2 * dayMs)
      await sweepOnce()
      const kept = await Promise.all(
        [converted, behind, deleted.token].map((each) => one.get(each)),
      )
      expect(kept.map((each) => each?.token)).toEqual([converted, behind, deleted.token])
    })

    test('a clock of the database that is set forward takes nothing from an instance that runs, and one that is set back keeps nothing for one that is gone', async () => {
      const schema = postgres.newSchema()
      const { query } = postgres.server
      const both = [await open(schema), await open(schema)] as const
      onTestFinished(async () => {
        await Promise.all(both.map((each) => each.close()))
      })
      const [one, other] = both
      await one.put(record(one, 'runs'))
      await one.put({ ...(record(one, 'left') as object), holder: 'gone' } as never)
      // As one that was killed before the clock was set back by an hour.
      await query(
        `insert into ${schema}.instance (id, renewed_at) values ('gone', now() + interval '1 hour')`,
      )
      let taken: string[] = []
      await expect
        .poll(
          async () => {
            // As if the clock were an hour ahead since the last renewal.
            await query(
              `update ${schema}.instance set renewed_at = renewed_at - interval '1 hour' where id = '${one.instance}' and renewed_at > now() - interval '1 minute'`,
            )
            const left = await other.takeOver(() => false)
            taken = [...taken, ...left.map(({ token }) => token)]
            return taken
          },
          { timeout: 40_000, interval: 100 },
        )
        .toContain('left')
      expect(taken).toEqual(['left'])
    })

    test('uploads at the same time wait for one sum of all results', async () => {
      const schema = postgres.newSchema()
      const records = await open(schema)
      onTestFinished(() => records.close())
      const { query } = postgres.server
      const count = async (statement: string) =>
        Number(
          await query(
            `select count(*) from pg_stat_activity
              where pid <> pg_backend_pid() and query like '%${statement}%' and state = 'active'`,
          ),
        )
      void query(`begin; lock table ${schema}.conversion; select pg_sleep(61)`).catch(() => {})
      await expect.poll(() => count('pg_sleep(61)')).toBe(1)
      const sums = Promise.all([1, 2, 3].map(() => records.bytesStored()))
      const other = records.get('a')
      await expect.poll(() => count('from conversion where token')).toBe(1)
      expect(await count('sum(bytes)')).toBe(1)
      await query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(61)'",
      )
      expect(await sums).toEqual([0, 0, 0])
      await other
    })

    test('no turn and no limit lasts longer because the clock of the database was set back', async () => {
      const schema = postgres.newSchema()
      const records = await open(schema)
      onTestFinished(() => records.close())
      expect(await records.takeTurn('sweep', 60_000)).toBe(true)
      await records.count('files', 60_000)
      await postgres.server.query(
        `update ${schema}.turn set next_at = next_at + interval '1 hour';
         update ${schema}.counter set until = until + interval '1 hour'`,
      )
      expect(await records.takeTurn('sweep', 60_000)).toBe(true)
      expect(await records.takeTurn('sweep', 60_000)).toBe(false)
      expect((await records.count('files', 60_000)).count).toBe(1)
      const { count, leftMs } = await records.count('files', 60_000)
      expect(count).toBe(2)
      expect(leftMs).toBeLessThanOrEqual(60_000)
    })

    test('an instance that closes leaves what it holds to the other at once', async () => {
      const schema = postgres.newSchema()
      const other = await open(schema)
      onTestFinished(() => other.close())
      const one = await open(schema)
      await one.put(record(one, 'a'))
      await one.close()
      await expect
        .poll(async () => (await other.takeOver(() => false)).length, {
          timeout: 30_000,
          interval: 100,
        })
        .toBe(1)
    })
  })
})

test('an outcome that an earlier version kept apart is shown with its record', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'herald-records-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const store = openStore(folder)
  const conversions = store.table('conversions')
  const outcomes = store.table('outcomes')
  const byEvent = store.table('by-event')
  const mail = { state: 'mailed', reply: '250', attempts: 1, atMs: 1 }
  await store.write(() => {
    conversions.put('a', {
      token: 'a',
      files: [],
      announcement: { eventId: 'e', publishedAtMs: 1 },
    })
    byEvent.put('e', 'a')
    outcomes.put('e', mail)
  })
  await store.close()
  const records = await openLmdbRecords(folder)
  onTestFinished(() => records.close())
  expect((await records.get('a'))?.mail).toEqual(mail)
})

describe.skipIf(noSmallDisk !== '')(`a folder on a small disk${noSmallDisk}`, () => {
  test('what could not be recorded because the disk is full does not count as stored', async () => {
    const disk = mountSmallDisk(10_000_000)
    onTestFinished(() => disk.remove())
    const records = await openLmdbRecords(join(disk.path, 'records'))
    onTestFinished(() => records.close())
    const record = {
      ...{ token: 'a', owner: 'ada', key: 'a', runToken: 'run', state: 'converted' },
      ...{ files: [{ sizeBytes: 1000 }], createdAtMs: 1, finishedAtMs: 1, announcement: null },
    } as never
    disk.fill()
    await expect(records.put(record)).rejects.toMatchObject({ code: 'STORE_FULL' })
    expect(await records.bytesStored()).toBe(0)
    disk.empty()
    await records.put(record)
    disk.fill()
    await expect(records.remove(record)).rejects.toMatchObject({ code: 'STORE_FULL' })
    expect(await records.bytesStored()).toBe(1000)
  })
})
