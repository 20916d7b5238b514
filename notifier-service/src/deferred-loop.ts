import type { Outage } from './outage.js'
import { createSendLane, type SendLaneParts } from './send-lane.js'

export interface DeferredLoopParts extends SendLaneParts {
  readonly outage: Pick<Outage, 'isOpen'>
  /** Most lanes at work at once. */
  readonly workers: number
  /** Called with all work begun, so that the ledger stays open until it ends. */
  readonly track: (work: Promise<void>) => void
}

export interface DeferredLoop {
  /** Checks at once: a lane may be due. */
  nudge(): void
  /** Claims no more lanes and waits up to `drainMs` for mails in flight; an attempt not begun by then is not made. Idempotent. */
  close(drainMs: number): Promise<void>
}

/** The longest wait for the next check: another process may have filled a lane, or left one. */
const pollMs = 1000
/** The same after a worker had a lane: another one may be due. */
const pollAfterWorkMs = 20
/** Smaller steps of the clock do not matter. */
const minStepMs = 500

/**
 * Sends what waits in the ledger, each lane in order, until it is closed. A timer checks whether a lane is
 * due and, unless there is an outage, starts a worker. A worker claims a lane, starts the next worker,
 * since another lane may be due, and sends the lane's mails; it ends if it finds no lane.
 */
export function startDeferredLoop(parts: DeferredLoopParts): DeferredLoop {
  const { ledger, outage, workers, track, logger } = parts
  const { lanes } = ledger
  const sendLane = createSendLane(parts)
  const stopping = new AbortController()
  const { signal: stop } = stopping
  const cutOff = new AbortController()
  const working = new Set<Promise<void>>()
  /** The ledger's time minus a monotonic clock, at the last check. */
  let clockOffset = Number.POSITIVE_INFINITY
  /** Of the next check. */
  let timer: NodeJS.Timeout | undefined
  let closing: Promise<void> | undefined

  function check(): void {
    if (clockWasSetBack()) adjustToClock()
    if (outage.isOpen && working.size < workers) startWorker()
    checkWithin(pollMs)
  }

  /** True at the start too: the clock may have been set back before. */
  function clockWasSetBack(): boolean {
    const offset = ledger.now() - performance.now()
    const isBack = offset < clockOffset - minStepMs
    clockOffset = offset
    return isBack
  }

  function adjustToClock(): void {
    const adjusting = ledger.adjustToClock().then(
      () => checkIn(0),
      (error: unknown) => logger.error({ err: error }, 'waits could not be adjusted to the clock'),
    )
    track(adjusting)
  }

  function checkIn(ms: number): void {
    clearTimeout(timer)
    if (!stop.aborted) timer = setTimeout(check, ms)
  }

  /** Checks when the next lane is due, after `maxMs` at the latest. */
  function checkWithin(maxMs: number): void {
    checkIn(maxMs)
    if (stop.aborted) return
    const latest = timer
    const shortened = lanes.nextDueAt().then(
      (dueAt = Number.POSITIVE_INFINITY) => {
        const dueInMs = dueAt - ledger.now()
        // What is due and not taken is held elsewhere, or every worker is busy.
        if (timer === latest && dueInMs > 0 && dueInMs < maxMs) checkIn(dueInMs + 1)
      },
      // The next check meets the same error, and logs it.
      () => {},
    )
    track(shortened)
  }

  function startWorker(): void {
    const work = workLanes()
      .catch((error: unknown) => {
        // A ledger that cannot be used is an outage, which is logged as such.
        if (outage.isOpen) {
          logger.error({ err: error }, 'deferred deliveries could not be read; will try again')
        }
        return false
      })
      .then((found) => {
        working.delete(work)
        // What is due and could not be claimed is held elsewhere: no reason to hurry.
        checkWithin(found ? pollAfterWorkMs : pollMs)
      })
    working.add(work)
    track(work)
  }

  /** Resolves to whether a lane was claimed. */
  async function workLanes(): Promise<boolean> {
    let found = false
    while (!stop.aborted && outage.isOpen) {
      const lane = await lanes.claim()
      if (lane === undefined) break
      found = true
      // Another lane may be due.
      if (working.size < workers && !stop.aborted) startWorker()
      await sendLane(lane, { stop, cutOff: cutOff.signal })
    }
    return found
  }

  check()
  return {
    nudge: () => checkIn(0),
    close(drainMs) {
      closing ??= (async () => {
        stopping.abort()
        clearTimeout(timer)
        let drained: NodeJS.Timeout | undefined
        const late = new Promise<void>((resolve) => {
          drained = setTimeout(resolve, drainMs)
        })
        await Promise.race([Promise.allSettled(working), late])
        clearTimeout(drained)
        cutOff.abort()
      })()
      return closing
    },
  }
}
