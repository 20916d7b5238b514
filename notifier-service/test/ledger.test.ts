import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processName, thisProcess } from '@herald/runtime'
import { openStore, type Range, type Store, type StoreKey } from '@herald/runtime/store'
import { expect, onTestFinished, test } from 'vitest'
import { openLmdbLedger } from '#src/ledger/lmdb-ledger'
import { createLmdbMails } from '#src/ledger/lmdb-mails'
import type { MailIdentity, MailRecord } from '#src/ledger/mail-record'
import { type Holder, ledgerSuite } from './ledger-suite.js'

/** The test runner's parent lives as long as the tests do. */
const holders: Readonly<Record<Holder, string>> = {
  this: processName,
  other: `${thisProcess.scope}-${process.ppid}-`,
  gone: `${thisProcess.scope}-${2 ** 22 + 1}-1`,
}

ledgerSuite('the ledger in LMDB', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'herald-ledger-'))
  return {
    open: (holder, digests) => openLmdbLedger({ directory, digests, holder: holders[holder] }),
    remove: () => rm(directory, { recursive: true, force: true }),
  }
})

async function makeFolder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'herald-ledger-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

type Rows = readonly { readonly key: StoreKey; readonly value: unknown }[]

/** A folder with what 0.1.0 wrote. */
async function makeOldLedger(tables: Readonly<Record<string, Rows>>): Promise<string> {
  const directory = await makeFolder()
  const store = openStore(directory)
  for (const [name, rows] of Object.entries(tables)) {
    const table = store.table(name)
    await store.write(() => {
      for (const { key, value } of rows) table.put(key, value)
    })
  }
  await store.close()
  return directory
}

async function readOldTables(): Promise<Record<string, Rows>> {
  const file = new URL('./fixtures/ledger-0.1.0.json', import.meta.url)
  return JSON.parse(await readFile(file, 'utf8'), (_, value) =>
    typeof value?.bytes === 'string' ? Buffer.from(value.bytes, 'base64') : value,
  )
}

const ref = (id: string) => ({ id, source: '//test' })

test('a ledger of 0.1.0 is upgraded with its records, its outcomes, and all that waits', async () => {
  const directory = await makeOldLedger(await readOldTables())
  const ledger = await openLmdbLedger({ directory })
  onTestFinished(() => ledger.close())
  expect(await ledger.find(ref('accepted'))).toMatchObject({
    ...{ state: 'accepted', attempts: 1, reply: '250 ok', recipient: 'ada@example.com' },
    ...{ messageId: '<accepted@localhost>', origin: { partition: 3, offset: '17' } },
    history: [{ state: 'accepted', reply: '250 ok', counted: true }],
  })
  const failed = await ledger.find(ref('failed'))
  expect(failed).toMatchObject({ state: 'failed', attempts: 2, reply: '550 no' })
  expect(failed?.deadLetteredAt).toBeGreaterThan(0)
  expect(failed?.history?.map(({ reply }) => reply)).toEqual(['450 later', '550 no'])
  expect(await ledger.find(ref('attempting'))).toMatchObject({ state: 'unknown', attempts: 1 })
  const pending = await ledger.pendingOutcomes(9)
  expect(pending.map(({ event }) => event.id).sort()).toEqual(['accepted', 'failed'])
  expect(await ledger.findByConversion('conversion digest 2')).toMatchObject([
    { record: { state: 'deferred', eventIds: ['digest 1', 'digest 2'] } },
  ])

  expect(await ledger.lanes.count()).toEqual({ deferred: 4, gathering: 1 })
  const [gatheringDueAt, laneDueAt] = [4_102_444_700_000, 4_102_444_800_000]
  expect(await ledger.lanes.nextDueAt()).toBe(gatheringDueAt)
  expect(await ledger.lanes.claim()).toBeUndefined()
  const runEvent = (id: string) => ({
    ...{ event: ref(id), lane: 'lane', run: 'run b', runSize: 3 },
    mail: { ...(failed as MailIdentity), eventIds: [id], messageId: `<${id}@localhost>` },
    delivery: {
      ...{ topic: 'notifications', partition: 3, offset: '18', key: 'ada@example.com' },
      ...{ value: Uint8Array.of(1), headers: { ce_id: Buffer.from(id) }, publishedAt: new Date() },
    },
  })
  expect(await ledger.lanes.gather(runEvent('gathering 2'))).toBe(false)
  expect(await ledger.lanes.gather(runEvent('gathering 3'))).toBe(true)
  expect(await ledger.lanes.nextDueAt()).toBe(laneDueAt)

  const waiting: string[][] = []
  for (let more = true; more; ) {
    const head = await ledger.lanes.head('lane')
    for (const { value, publishedAt } of (head?.deliveries ?? []).slice(
      0,
      waiting.length < 3 ? 2 : 0,
    )) {
      expect(Buffer.from(value)).toEqual(Buffer.from([0, 255, 10]))
      expect(publishedAt).toEqual(new Date(1_769_860_800_123))
    }
    waiting.push(
      (head?.deliveries ?? []).map(({ headers }) => Buffer.from(headers['ce_id'] ?? []).toString()),
    )
    more = await ledger.lanes.pop('lane', head?.position ?? 0)
  }
  expect(waiting).toEqual([
    ['single 1'],
    ['digest 1', 'digest 2'],
    ['single 2'],
    ['gathering 1', 'gathering 2', 'gathering 3'],
  ])
  expect(await ledger.prune(Date.now() + 1)).toBe(7)
  expect(await ledger.find(ref('accepted'))).toBeUndefined()
})

test('an upgrade that was interrupted goes on at the next start', async () => {
  const directory = await makeOldLedger(await readOldTables())
  const interrupted = await openLmdbLedger({ directory })
  await interrupted.close()
  const store = openStore(directory)
  const versions = store.table('versions')
  await store.write(() => versions.remove('format'))
  await store.close()
  const ledger = await openLmdbLedger({ directory })
  onTestFinished(() => ledger.close())
  expect(await ledger.lanes.count()).toEqual({ deferred: 4, gathering: 1 })
  expect(await ledger.find(ref('accepted'))).toMatchObject({ state: 'accepted', attempts: 1 })
  expect(await ledger.pendingOutcomes(9)).toHaveLength(2)
})

test('an upgrade keeps every lane and every run', async () => {
  const tables = await readOldTables()
  const many = Array.from({ length: 50 }, (_, n) => `lane ${n}`)
  const [single] = tables['deferred'] ?? []
  const [gathered] = tables['gathered'] ?? []
  const [run] = tables['runs'] ?? []
  const runOf = (lane: string) => ({ ...(run?.value as object), lane, from: 1, next: 2 })
  const directory = await makeOldLedger({
    ...tables,
    lanes: many.map((key) => ({ key, value: { dueAt: 1 } })),
    deferred: many.map((lane) => ({ key: [lane, 1], value: single?.value })),
    gathered: many.map((lane) => ({ key: [lane, 'run', 1], value: gathered?.value })),
    runs: many.map((lane) => ({ key: [lane, 'run'], value: runOf(lane) })),
    digests: [],
  })
  const ledger = await openLmdbLedger({ directory })
  onTestFinished(() => ledger.close())
  expect(await ledger.lanes.count()).toEqual({ deferred: 50, gathering: 50 })
})

test('a ledger of a later version is refused, with what to do', async () => {
  const directory = await makeOldLedger({ versions: [{ key: 'format', value: 3 }] })
  await expect(openLmdbLedger({ directory })).rejects.toMatchObject({
    name: 'StoreError',
    message: `The ledger in ${directory} has format 3; this version reads format 2. Use the version of Herald that wrote it, or a later one.`,
  })
})

test('pruning reads old records only', async () => {
  const directory = await makeFolder()
  const store = openStore(directory)
  const read: unknown[] = []
  const watched: Store = {
    ...store,
    table(name, encoding) {
      const table = store.table<never, never>(name, encoding)
      const get = (key: never) => {
        read.push(key)
        return table.get(key)
      }
      function* entries(range?: Range) {
        for (const entry of table.entries(range)) {
          read.push(entry.key)
          yield entry
        }
      }
      return { ...table, get, entries } as never
    },
  }
  const mails = createLmdbMails(watched, processName)
  const put = (id: string, updatedAt: number) =>
    mails.put([id, '//test'], { updatedAt } as MailRecord, undefined)
  await store.write(() => {
    for (let n = 0; n < 10; n += 1) put(`old ${n}`, 1000 + n)
    for (let n = 0; n < 500; n += 1) put(`a new ${n}`, 9000 + n)
  })
  read.length = 0
  expect(await mails.prune(5000, () => {})).toBe(10)
  expect(read.map(String).filter((key) => key.includes('new'))).toEqual([])
  await store.close()
})
