import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { MailRecord } from '@herald/notifier-service/ledger/ledger'
import { openLmdbLedger } from '@herald/notifier-service/ledger/lmdb-ledger'
import { source, type TestEvent } from './events.js'

/** Looks at the notifiers' ledger, as it is read after a crash. */
export interface LedgerView {
  find(id: string): MailRecord | undefined
  /** Events that wait for the others of their run. */
  gathered(): number
  /** Resolves once every event has its outcome; false when that takes longer than `timeoutMs` without progress. */
  untilSettled(events: readonly TestEvent[], timeoutMs: number): Promise<boolean>
  close(): Promise<void>
}

export function viewLedger(folder: string): LedgerView {
  const ledger = openLmdbLedger({ directory: join(folder, 'ledger') })
  const find = (id: string) => ledger.find({ id, source })
  const isSettled = ({ id }: TestEvent) => {
    const record = find(id)
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
    find,
    gathered: () => ledger.gathering.count(),
    async untilSettled(events, timeoutMs) {
      let open = [...events]
      for (let movedAt = Date.now(); open.length > 0; ) {
        const before = open.length
        open = open.filter((event) => !isSettled(event))
        if (open.length < before) movedAt = Date.now()
        if (Date.now() - movedAt > timeoutMs) return false
        await pause(100)
      }
      return true
    },
    close: () => ledger.close(),
  }
}
