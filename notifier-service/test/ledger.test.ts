import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLmdbLedger } from '@herald/notifier-service/ledger/lmdb-ledger'
import { openStore } from '@herald/runtime/store'
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
  await ledger.close()
  await rm(directory, { recursive: true })
})
