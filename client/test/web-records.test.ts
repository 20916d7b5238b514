import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeOnPostgres, usePostgres } from '@herald/postgres/use-postgres'
import { silentLogger } from '@herald/runtime/logger'
import { parsePostgresUrl } from '@herald/runtime/postgres'
import { openStore } from '@herald/runtime/store'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ConversionEvent } from '../src/web/conversion-events.js'
import { openLmdbRecords } from '../src/web/lmdb-records.js'
import { openPostgresRecords } from '../src/web/postgres/postgres-records.js'
import type { Records } from '../src/web/records.js'
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
