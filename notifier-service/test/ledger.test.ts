import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MailRecord } from '@herald/notifier-service/ledger/ledger'
import type { LmdbGathering } from '@herald/notifier-service/ledger/lmdb-gathering'
import { openLmdbLedger } from '@herald/notifier-service/ledger/lmdb-ledger'
import { createMailRows } from '@herald/notifier-service/ledger/mail-rows'
import { createAges, createPruning } from '@herald/notifier-service/ledger/pruning'
import { thisProcess } from '@herald/runtime'
import { openStore, type Range, type Store } from '@herald/runtime/store'
import { expect, test } from 'vitest'
import { ledgerSuite } from './ledger-suite.js'

ledgerSuite('the ledger in LMDB', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'herald-ledger-'))
  return {
    open: async (self, digests) =>
      openLmdbLedger({ directory, digests, ...(self ? { self } : {}) }),
    remove: () => rm(directory, { recursive: true, force: true }),
  }
})

test('what an earlier version recorded by name is read, and settled on', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'herald-ledger-'))
  const event = { id: 'one', source: '//test' }
  const key = [event.id, event.source]
  const mail = {
    ...{ eventIds: ['one'], recipient: 'ada@example.com', from: 'herald@localhost' },
    ...{ messageId: '<one@localhost>', template: '1/en', conversionId: 'conversion' },
  }
  const deferred = {
    ...{ ...mail, state: 'deferred', attempts: 2, reply: '450 later', nextAttemptAt: 5 },
    ...{ firstAttemptAt: 1, updatedAt: 2, holder: { pid: 1, startedAt: '1' } },
    history: [{ at: 2, state: 'deferred', reply: '450 later', counted: true }],
  }
  const store = openStore(directory)
  const [mails, conversions] = [store.table('mails'), store.table('conversions')]
  await store.write(() => {
    mails.put(key, deferred)
    conversions.put(['conversion', ...key], key)
  })
  await store.close()
  const ledger = openLmdbLedger({ directory })
  expect(ledger.find(event)).toEqual(deferred)
  await ledger.begin(event, mail)
  await ledger.settle(event, mail, { state: 'accepted', reply: '250 ok' })
  expect(ledger.findByConversion('conversion')).toEqual([
    { event, record: expect.objectContaining({ state: 'accepted', attempts: 3 }) },
  ])
  // It had no index of what is old.
  expect(await ledger.prune(Date.now() + 1)).toBe(1)
  expect(ledger.find(event)).toBeUndefined()
  await ledger.close()
  await rm(directory, { recursive: true })
})

test('pruning reads what is old and nothing else', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'herald-ledger-'))
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
  const ages = createAges(watched)
  const mails = createMailRows(watched, thisProcess, ages)
  const gathering = { forget: () => 0, indexAll: () => {} } as unknown as LmdbGathering
  const prune = createPruning({ store: watched, mails, gathering, ages, onForgotten: () => {} })
  await prune(0)
  const put = (id: string, updatedAt: number) =>
    mails.put([id, '//test'], { updatedAt } as MailRecord, undefined)
  await store.write(() => {
    for (let n = 0; n < 10; n += 1) put(`old ${n}`, 1000 + n)
    for (let n = 0; n < 500; n += 1) put(`a new ${n}`, 9000 + n)
  })
  read.length = 0
  expect(await prune(5000)).toBe(10)
  expect(read.map(String).filter((key) => key.includes('new'))).toEqual([])
  await store.close()
  await rm(directory, { recursive: true })
})
