import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Ledger } from '@herald/notifier-service/ledger/ledger'
import { ledgerUrl } from '@herald/notifier-service/ledger/ledger-location'
import { openLmdbLedger } from '@herald/notifier-service/ledger/lmdb-ledger'
import type { MailRecord } from '@herald/notifier-service/ledger/mail-record'
import { openLedger } from '@herald/notifier-service/ledger/open-ledger'
import { silentLogger } from '@herald/runtime'
import { StoreError } from '@herald/runtime/store'
import { source, type TestEvent } from './events.js'

/** Reads the notifiers' ledger as they would after a crash. */
export interface LedgerView {
  /** The records of the events' mails, in the order of `ids`. */
  findAll(ids: readonly string[]): Promise<(MailRecord | undefined)[]>
  /** Events in pending digests. */
  gathered(): Promise<number>
  /** Resolves to true when every event has its outcome; to false after `timeoutMs` without progress. */
  untilSettled(events: readonly TestEvent[], timeoutMs: number): Promise<boolean>
  close(): Promise<void>
}

export async function viewLedger(folder: string): Promise<LedgerView> {
  return view(await openLmdbLedger({ directory: join(folder, 'ledger') }))
}

/** `url`: as HERALD_LEDGER. */
export async function viewPostgresLedger(url: string): Promise<LedgerView> {
  const location = ledgerUrl('mail').parse(url)
  if (location === undefined) throw new TypeError(`${url} is no ledger`)
  return view(await openLedger(location, { maxReplyMs: 0, program: 'view', logger: silentLogger }))
}

const maxAwayMs = 60_000

/** Repeats a read while the database cannot be reached: one that was killed has a standby that takes over. */
async function whenAvailable<T>(read: () => Promise<T>): Promise<T> {
  for (const startedAt = Date.now(); ; ) {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof StoreError) || Date.now() - startedAt > maxAwayMs) throw error
      await pause(100)
    }
  }
}

function view(ledger: Ledger): LedgerView {
  const find = (id: string) => ledger.find({ id, source })
  const isSettled = async ({ id }: TestEvent) => {
    const record = await find(id)
    switch (record?.state) {
      case 'accepted':
        return true
      case 'failed':
        return record.deadLetteredAt !== undefined
      case 'unknown':
        return record.nextAttemptAt === undefined
      default:
        return false
    }
  }
  return {
    findAll: (ids) => whenAvailable(() => Promise.all(ids.map(find))),
    gathered: async () => (await whenAvailable(() => ledger.lanes.count())).gathering,
    async untilSettled(events, timeoutMs) {
      let pending = [...events]
      for (let progressAt = Date.now(); pending.length > 0; ) {
        const before = pending.length
        const settled = await whenAvailable(() => Promise.all(pending.map(isSettled)))
        pending = pending.filter((_, at) => !settled[at])
        if (pending.length < before) progressAt = Date.now()
        if (Date.now() - progressAt > timeoutMs) return false
        await pause(100)
      }
      return true
    },
    close: () => ledger.close(),
  }
}
