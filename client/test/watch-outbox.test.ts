import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OutboxEntry } from '@herald/broker/outbox'
import { silentLogger } from '@herald/runtime/logger'
import { expect, onTestFinished, test } from 'vitest'
import { openConversionEvents } from '../src/web/conversion-events.js'
import { openLmdbRecords } from '../src/web/lmdb-records.js'
import type { ConversionRecord } from '../src/web/record.js'
import type { Records } from '../src/web/records.js'
import { watchOutbox } from '../src/web/watch-outbox.js'

// With each of 2,000 waiting entries read at each look, the page stood still for 450 ms, twice a second.
test('a look into the outbox reads a bounded number of entries, and finds in time all that are published', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'herald-watch-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const records = await openLmdbRecords(folder)
  onTestFinished(() => records.close())
  const count = 600
  const token = (n: number) => `${n}`.padStart(22, '0')
  const kept = Array.from(
    { length: count },
    (_, n) =>
      ({
        token: token(n),
        owner: 'o',
        runToken: 'r',
        holder: records.instance,
        files: [],
        finishedAtMs: 0,
        createdAtMs: n,
        announcement: { entryId: `${n}`, eventId: `e${n}`, publishedAtMs: 0, lastFault: '' },
      }) as unknown as ConversionRecord,
  )
  await Promise.all(kept.map((record) => records.put(record)))
  let reads = 0
  const published = new Set<string>()
  const waiting: (() => void)[] = []
  const outbox = {
    changed: () => new Promise<void>((resolve) => waiting.push(resolve)),
    entry(id: string) {
      reads += 1
      const state = published.has(id) ? { kind: 'published', atMs: 0, to: [{}] } : { kind: 'ready' }
      return { state } as OutboxEntry
    },
  }
  const watch = watchOutbox(outbox, {
    records,
    events: openConversionEvents(),
    logger: silentLogger,
  })
  for (const record of kept) watch.follow(record)
  onTestFinished(() => watch.close())
  const isRecorded = async (n: number) => {
    const { announcement } = (await records.get(token(n))) ?? {}
    return (announcement?.publishedAtMs ?? 0) > 0
  }
  const look = async () => {
    const looks = waiting.length
    waiting.at(-1)?.()
    await expect.poll(() => waiting.length).toBeGreaterThan(looks)
  }

  await expect.poll(() => waiting.length).toBe(1)
  reads = 0
  await look()
  expect(reads).toBeLessThanOrEqual(150)

  // In the order of the outbox, and one that is far behind.
  for (let n = 0; n < 200; n += 1) published.add(`${n}`)
  published.add('599')
  for (let looks = 0; looks < 20; looks += 1) await look()
  expect(await Promise.all([0, 150, 199, 599].map(isRecorded))).toEqual(Array(4).fill(true))
  expect(await isRecorded(200)).toBe(false)
})

test('records that cannot be written are logged once, and written when they can be', async () => {
  const warnings: unknown[] = []
  let isAway = true
  let published = 0
  const records = {
    instance: 'here',
    now: () => 1,
    async changeAnnouncement() {
      if (isAway) throw new Error('away')
      published += 1
    },
  } as unknown as Records
  let looks = 0
  const outbox = {
    async changed() {
      looks += 1
      await new Promise(setImmediate)
    },
    entry: () => undefined,
  }
  const warn = (error: unknown) => void warnings.push(error)
  const logger = { ...silentLogger, warn } as typeof silentLogger
  const watch = watchOutbox(outbox, { records, events: openConversionEvents(), logger })
  onTestFinished(() => watch.close())
  const announcement = { entryId: '1', publishedAtMs: 0 }
  watch.follow({ token: 'a', holder: 'here', announcement } as unknown as ConversionRecord)
  await expect.poll(() => looks).toBeGreaterThan(5)
  expect(warnings).toHaveLength(1)
  isAway = false
  await expect.poll(() => published).toBe(1)
})
