import { mkdtemp, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { openBlobStore } from '@herald/runtime/blobs'
import { silentLogger } from '@herald/runtime/logger'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openConversionEvents } from '../src/web/conversion-events.js'
import { newRecord } from '../src/web/conversion-facts.js'
import { manageConversions } from '../src/web/conversions.js'
import { openLmdbRecords } from '../src/web/lmdb-records.js'
import { undoMs } from '../src/web/record.js'
import { newToken } from '../src/web/records.js'
import { startSweep } from '../src/web/sweep.js'
import { gradient } from './pictures.js'
import { openCaller, useWebPage, type WebPage } from './web-page.js'

const picture = { name: 'harbour.png', content: gradient(64, 48) }

describe('a conversion that is deleted', () => {
  let page: WebPage

  useWebPage((web) => {
    ;({ page } = web)
  })

  test('cannot be fetched any more, and is back as it was when that is undone', async () => {
    const caller = openCaller(page)
    const { token } = await caller.convert({ to: 'webp' }, picture)
    const file = `/c/${token}/files/harbour.webp`
    const send = (path: string) => caller.get(path, { method: 'POST' })
    const statuses = async () => {
      const answers = [`/c/${token}`, file, '/all.zip'].map((path) => caller.get(path))
      return (await Promise.all(answers)).map(({ status }) => status)
    }
    const deleted = await send(`/c/${token}/remove`)
    expect([deleted.status, deleted.headers.get('location')]).toEqual([303, `/c/${token}`])
    expect(await statuses()).toEqual([410, 404, 404])
    const message = await (await caller.get(`/c/${token}`)).text()
    expect(message).toContain('Deleted. You can undo this for 5 minutes.')
    expect(message).toContain(`action="/c/${token}/restore"`)
    expect(await (await caller.get('/')).text()).toContain('class="row deleted"')

    expect((await send(`/c/${token}/restore`)).headers.get('location')).toBe(`/c/${token}`)
    expect(await statuses()).toEqual([200, 200, 200])
    expect(await (await caller.get('/')).text()).toContain('class="row converted"')
  })
})

test('what is deleted goes for good after the time for undoing it, and not before', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'herald-undo-'))
  const records = await openLmdbRecords(join(folder, 'records'))
  const results = await openBlobStore(pathToFileURL(join(folder, 'results')).href)
  onTestFinished(async () => {
    await records.close()
    await rm(folder, { recursive: true, force: true })
  })
  const tools = { records, results, events: openConversionEvents(), logger: silentLogger }
  const unused = { converter: {}, announcer: {}, links: {}, incoming: folder }
  const conversions = manageConversions({ ...tools, ...unused } as never)
  const request = { owner: 'o', runToken: 'r', runId: 'r', recipient: '', language: 'en' }
  const deletedFor = async (deletedMs: number) => {
    const given = { ...request, spec: { format: 'webp' } } as never
    const record = newRecord(given, 'a.png', records)
    const atMs = Date.now() - deletedMs
    const file = { name: 'a.webp', sizeBytes: 3 } as never
    const over = { state: 'converted', finishedAtMs: atMs, deletedAtMs: atMs } as const
    await records.put({ ...record, ...over, files: [file] })
    await results.put(`${record.token}/a.webp`, Readable.from(['abc']))
    return record.token
  }
  const [old, recent] = [await deletedFor(undoMs + 1000), await deletedFor(undoMs - 60_000)]
  const sweep = startSweep({ ...tools, conversions, keepMs: 3_600_000 })
  await vi.waitFor(async () => expect(await records.get(old)).toBeUndefined(), 60_000)
  await sweep.close()
  expect(await records.get(recent)).toMatchObject({ files: [{ name: 'a.webp' }] })
  expect(await results.head(`${old}/a.webp`)).toBeUndefined()
  expect(await results.head(`${recent}/a.webp`)).toMatchObject({ sizeBytes: 3 })
  expect(await records.bytesStored()).toBe(3)
  expect((await records.deleted(Date.now())).map(({ token }) => token)).toEqual([recent])
})

// With a day's results to remove, a page that was stopped was killed after its deadline.
test('a sweep that is closed leaves what it has not removed to the next one', async () => {
  let removed = 0
  const expired = async () => [{ token: newToken() }]
  const records = {
    ...{ now: Date.now, takeTurn: async () => true },
    ...{ deleted: async () => [], expired, deleteOlder: async () => true },
  }
  const sweep = startSweep({
    ...{ records, results: {}, keepMs: 3_600_000, logger: silentLogger },
    conversions: {
      async remove() {
        await new Promise(setImmediate)
        removed += 1
      },
    },
  } as never)
  await expect.poll(() => removed).toBeGreaterThan(0)
  await sweep.close()
})

test('results without a record go after the retention; files of others are not touched', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'herald-stray-'))
  const records = await openLmdbRecords(join(folder, 'records'))
  const results = await openBlobStore(pathToFileURL(join(folder, 'results')).href)
  onTestFinished(async () => {
    await records.close()
    await rm(folder, { recursive: true, force: true })
  })
  const keepMs = 3_600_000
  const [stray, recent] = [`${newToken()}/stray.webp`, `${newToken()}/recent.webp`]
  const foreign = ['notes.txt', 'photos/2024/a.png', `${newToken()}/more/b.png`]
  for (const key of [stray, recent, ...foreign]) await results.put(key, Readable.from(['abc']))
  const old = new Date(Date.now() - keepMs - 60_000)
  for (const key of [stray, ...foreign]) await utimes(join(folder, 'results', key), old, old)
  const sweep = startSweep({
    ...{ records, results, keepMs, logger: silentLogger },
    conversions: {} as never,
  })
  await vi.waitFor(async () => expect(await results.head(stray)).toBeUndefined())
  await sweep.close()
  for (const key of [recent, ...foreign]) expect(await results.head(key)).toBeDefined()
})
