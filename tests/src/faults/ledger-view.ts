import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openLmdbLedger } from '@herald/notifier-service/ledger/lmdb-ledger'
import type { MailRecord } from '@herald/notifier-service/ledger/mail-record'
import { source, type TestEvent } from './events.js'

/** Looks at the notifiers' ledger, as it is read after a crash. */
export interface LedgerView {
  /** The records of the events' mails, in the order of `ids`. */
  findAll(ids: readonly string[]): Promise<(MailRecord | undefined)[]>
  /** Events that wait for the others of their run. */
  gathered(): Promise<number>
  /** Resolves once every event has its outcome; false when that takes longer than `timeoutMs` without progress. */
  untilSettled(events: readonly TestEvent[], timeoutMs: number): Promise<boolean>
  close(): Promise<void>
}

export async function viewLedger(folder: string): Promise<LedgerView> {
  const ledger = await openLmdbLedger({ directory: join(folder, 'ledger') })
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
    findAll: (ids) => Promise.all(ids.map(find)),
    gathered: async () => (await ledger.lanes.count()).gathering,
    async untilSettled(events, timeoutMs) {
      let open = [...events]
      for (let movedAt = Date.now(); open.length > 0; ) {
        const before = open.length
        const settled = await Promise.all(open.map(isSettled))
        open = open.filter((_, at) => !settled[at])
        if (open.length < before) movedAt = Date.now()
        if (Date.now() - movedAt > timeoutMs) return false
        await pause(100)
      }
      return true
    },
    close: () => ledger.close(),
  }
}
