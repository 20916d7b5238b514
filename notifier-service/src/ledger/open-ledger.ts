import type { Logger } from '@herald/runtime'
import type { DigestRule } from './lanes.js'
import type { Ledger } from './ledger.js'
import type { LedgerLocation } from './ledger-location.js'
import { openLmdbLedger } from './lmdb-ledger.js'

export interface OpenLedgerOptions {
  /** When the events of a run become a mail. */
  readonly digests?: DigestRule | undefined
  /** The longest time from a body's first byte to its reply, in milliseconds. */
  readonly maxReplyMs: number
  /** The name of the program, for people who look at the database. */
  readonly program: string
  readonly logger: Logger
}

/** Rejects with StoreError. */
export async function openLedger(
  location: LedgerLocation,
  { digests, maxReplyMs, program, logger }: OpenLedgerOptions,
): Promise<Ledger> {
  const rule = digests && { digests }
  if ('directory' in location) return openLmdbLedger({ ...location, ...rule })
  // Its driver is loaded by those only who use it.
  const { openPostgresLedger } = await import('./postgres/postgres-ledger.js')
  return openPostgresLedger({ ...location, ...rule, maxReplyMs, holder: program, logger })
}
