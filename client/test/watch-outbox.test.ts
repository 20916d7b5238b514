import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OutboxEntry } from '@herald/broker/outbox'
import { silentLogger } from '@herald/runtime/logger'
import { expect, onTestFinished, test } from 'vitest'
import { openConversionEvents } from '../src/web/conversion-events.js'
import type { ConversionRecord } from '../src/web/record.js'
import { openRecords } from '../src/web/records.js'
import { watchOutbox } from '../src/web/watch-outbox.js'

// With each of 2,000 waiting entries read at each look, the page stood still for 450 ms, twice a second.
test('a look into the outbox reads a bounded number of entries, and finds in time all that are published', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'herald-watch-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const records = await openRecords(folder)
  onTestFinished(() => records.close())
  const count = 600
  const token = (n: number) => `${n}`.padStart(22, '0')
  await Promise.all(
    Array.from({ length: count }, (_, n) =>
      records.put({
        token: token(n),
        owner: 'o',
        runToken: 'r',
        files: [],
        finishedAtMs: 0,
        announcement: { entryId: `${n}`, eventId: `e${n}`, publishedAtMs: 0, lastFault: '' },
      } as unknown as ConversionRecord),
    ),
  )
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
  onTestFinished(() => watch.close())
  const isRecorded = (n: number) => (records.get(token(n))?.announcement?.publishedAtMs ?? 0) > 0
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
  expect([0, 150, 199, 599].map(isRecorded)).toEqual([true, true, true, true])
  expect(isRecorded(200)).toBe(false)
})
