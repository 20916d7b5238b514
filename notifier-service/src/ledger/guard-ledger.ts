import { setTimeout as pause } from 'node:timers/promises'
import { RetryLater } from '@herald/broker'
import { StoreError } from '@herald/runtime/store'
import type { Ledger } from './ledger.js'

export interface LedgerGuard {
  /** The disk took nothing; `reason` says why. */
  readonly full: (reason: string) => void
  /** Aborted when the notifier stops: what could not be written is tried for a little longer. */
  readonly signal: AbortSignal
}

/** How soon an outcome that could not be written is tried again, and how often once we are to stop. */
const againMs = 500
const lastTries = 6

/**
 * The ledger for those who send, where the disk may be full: what cannot be begun is not sent
 * and comes again; what became of a mail that was sent is written as soon as there is room, its
 * event held until then, for without it the mail would be sent again.
 */
export function guardLedger(ledger: Ledger, { full, signal }: LedgerGuard): Ledger {
  const note = (error: unknown) => {
    if (isFull(error)) full(error.message)
    return error
  }

  // Nearly every write goes well: what an async function costs is kept for those that do not.
  const noted = <T>(write: () => Promise<T>): Promise<T> =>
    write().catch((error: unknown) => {
      throw note(error)
    })

  const untilWritten = <T>(write: () => Promise<T>): Promise<T> =>
    write().catch((error: unknown) => again(write, error))

  async function again<T>(write: () => Promise<T>, failedWith: unknown): Promise<T> {
    let error = note(failedWith)
    for (let last = 0; isFull(error) && last < lastTries; last += signal.aborted ? 1 : 0) {
      await pause(againMs)
      try {
        return await write()
      } catch (anew) {
        error = note(anew)
      }
    }
    throw error
  }

  const orLater = <T>(write: () => Promise<T>): Promise<T> =>
    write().catch((error: unknown) => {
      note(error)
      throw isFull(error) ? new RetryLater(againMs, { cause: error }) : error
    })

  return {
    ...ledger,
    begin: (event, mail) => orLater(() => ledger.begin(event, mail)),
    reopen: (event, replay, mail) => orLater(() => ledger.reopen(event, replay, mail)),
    settle: (event, mail, settlement) => untilWritten(() => ledger.settle(event, mail, settlement)),
    markDeadLettered: (event) => untilWritten(() => ledger.markDeadLettered(event)),
    lanes: {
      ...ledger.lanes,
      append: (lane, kept, options) => orLater(() => ledger.lanes.append(lane, kept, options)),
      gather: (event) => orLater(() => ledger.lanes.gather(event)),
      claim: () => noted(() => ledger.lanes.claim()),
      pop: (lane, position) => untilWritten(() => ledger.lanes.pop(lane, position)),
      release: (lane, dueAt) => untilWritten(() => ledger.lanes.release(lane, dueAt)),
    },
  }
}

function isFull(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code !== 'STORE_CLOSED'
}
