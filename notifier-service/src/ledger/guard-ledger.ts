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
  async function noted<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } catch (error) {
      if (isFull(error)) full(error.message)
      throw error
    }
  }

  async function untilWritten<T>(write: () => Promise<T>): Promise<T> {
    for (let last = 0; ; last += signal.aborted ? 1 : 0) {
      try {
        return await noted(write)
      } catch (error) {
        if (!isFull(error) || last === lastTries) throw error
        await pause(againMs)
      }
    }
  }

  const orLater = <T>(write: () => Promise<T>): Promise<T> =>
    noted(write).catch((error: unknown) => {
      throw isFull(error) ? new RetryLater(againMs, { cause: error }) : error
    })

  return {
    ...ledger,
    begin: (event, mail) => orLater(() => ledger.begin(event, mail)),
    reopen: (event, replay, mail) => orLater(() => ledger.reopen(event, replay, mail)),
    settle: (event, mail, settlement) => untilWritten(() => ledger.settle(event, mail, settlement)),
    deadLettered: (event) => untilWritten(() => ledger.deadLettered(event)),
    gathering: {
      ...ledger.gathering,
      add: (event) => orLater(() => ledger.gathering.add(event)),
      closeDue: () => noted(() => ledger.gathering.closeDue()),
    },
    lanes: {
      ...ledger.lanes,
      append: (lane, kept, options) => orLater(() => ledger.lanes.append(lane, kept, options)),
      claim: () => noted(() => ledger.lanes.claim()),
      pop: (lane, position) => untilWritten(() => ledger.lanes.pop(lane, position)),
      release: (lane, dueAt) => untilWritten(() => ledger.lanes.release(lane, dueAt)),
    },
  }
}

function isFull(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code !== 'STORE_CLOSED'
}
