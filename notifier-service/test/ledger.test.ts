import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLmdbLedger } from '@herald/notifier-service/ledger/lmdb-ledger'
import { ledgerSuite } from './ledger-suite.js'

ledgerSuite('the ledger in LMDB', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'herald-ledger-'))
  return {
    open: async (self, digests) =>
      openLmdbLedger({ directory, digests, ...(self ? { self } : {}) }),
    remove: () => rm(directory, { recursive: true, force: true }),
  }
})
