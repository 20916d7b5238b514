import { setTimeout as pause } from 'node:timers/promises'
import { RetryLater } from '@herald/broker'
import { StoreError } from '@herald/runtime/store'
import type { Ledger } from './ledger.js'

export interface LedgerGuard {
  /** Called with the reason when the disk, or the database, fails. */
  readonly onDiskError: (reason: string) => void
  /** Aborted when the notifier stops: after that a write is tried a few more times only. */
  readonly signal: AbortSignal
}

/** How soon a failed write is tried again, and how often after the notifier was asked to stop. */
const retryMs = 500
const maxTriesAfterStop = 6

/**
 * A ledger whose disk may be full, or whose database may not be reachable. An attempt that cannot be recorded is not begun: RetryLater. The
 * result of an attempt is written as soon as there is room, and its event is held until then;
 * without it the mail would be sent again. So is what belongs to a lane that is worked on.
 */
export function guardLedger(ledger: Ledger, { onDiskError, signal }: LedgerGuard): Ledger {
  const report = (error: unknown) => {
    if (isDiskError(error)) onDiskError(error.message)
    return error
  }

  const reported = <T>(write: () => Promise<T>): Promise<T> =>
    write().catch((error: unknown) => {
      throw report(error)
    })

  const orRetryLater = <T>(write: () => Promise<T>): Promise<T> =>
    write().catch((error: unknown) => {
      report(error)
      throw isDiskError(error) ? new RetryLater(retryMs, { cause: error }) : error
    })

  async function untilWritten<T>(write: () => Promise<T>): Promise<T> {
    for (let triesAfterStop = 0; ; triesAfterStop += signal.aborted ? 1 : 0) {
      try {
        return await write()
      } catch (error) {
        report(error)
        if (!isDiskError(error) || triesAfterStop >= maxTriesAfterStop) throw error
      }
      await pause(retryMs)
    }
  }

  return {
    ...ledger,
    find: (event) => orRetryLater(() => ledger.find(event)),
    begin: (event, mail) => orRetryLater(() => ledger.begin(event, mail)),
    reopen: (event, replay, mail) => orRetryLater(() => ledger.reopen(event, replay, mail)),
    settle: (event, mail, settlement) => untilWritten(() => ledger.settle(event, mail, settlement)),
    markDeadLettered: (event) => untilWritten(() => ledger.markDeadLettered(event)),
    lanes: {
      ...ledger.lanes,
      has: (lane) => orRetryLater(() => ledger.lanes.has(lane)),
      append: (lane, kept, options) => orRetryLater(() => ledger.lanes.append(lane, kept, options)),
      gather: (event) => orRetryLater(() => ledger.lanes.gather(event)),
      claim: () => reported(() => ledger.lanes.claim()),
      head: (lane) => untilWritten(() => ledger.lanes.head(lane)),
      pop: (lane, position) => untilWritten(() => ledger.lanes.pop(lane, position)),
      release: (lane, dueAt) => untilWritten(() => ledger.lanes.release(lane, dueAt)),
    },
  }
}

function isDiskError(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code !== 'STORE_CLOSED'
}
