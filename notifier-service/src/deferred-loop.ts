import { RetryLater } from '@herald/broker'
import type { Logger } from '@herald/runtime'
import type { Attempt } from './attempt.js'
import { type BackOff, backOffMs } from './back-off.js'
import type { Channel } from './channel.js'
import type { DeferredMail } from './ledger/lanes.js'
import type { Ledger } from './ledger/ledger.js'
import type { Outage } from './outage.js'
import { readDeferred } from './task.js'
import type { UnexpectedErrors } from './unexpected-errors.js'

export interface DeferredLoopParts {
  readonly ledger: Ledger
  readonly channel: Channel
  readonly attempt: Attempt
  readonly outage: Pick<Outage, 'isOpen'>
  /** Publishes a mail that fails each time to the dead letters; resolves to whether it did. */
  readonly giveUp: UnexpectedErrors['giveUp']
  /** Most lanes at work at once. */
  readonly workers: number
  /** Called with all work begun, so that the ledger stays open until it ends. */
  readonly track: (work: Promise<void>) => void
  readonly logger: Logger
}

export interface DeferredLoop {
  /** Checks at once: a lane may be due. */
  nudge(): void
  /** Claims no more lanes and waits up to `drainMs` for mails in flight; an attempt not begun by then is not made. Idempotent. */
  close(drainMs: number): Promise<void>
}

type Mode =
  /**
   * A timer checks whether a lane is due and, unless there is an outage, starts a worker. A worker
   * claims a lane, starts the next worker, since another lane may be due, and sends the lane's
   * mails until one has to wait; it ends if it finds no lane.
   */
  | 'running'
  /** `close` was called: there are no checks, no lane is claimed, attempts under way may end. */
  | 'draining'
  /** The drain is over: an attempt that has not begun is not made, and its mail is due at once. */
  | 'closed'

/** The longest wait for the next check: another process may have filled a lane, or left one. */
const pollMs = 1000
/** The same after a worker had a lane: another one may be due. */
const pollAfterWorkMs = 20
/** Smaller steps of the clock do not matter. */
const minStepMs = 500
/** After an error of our own: a full disk, a broker that takes no dead letter. */
const errorBackOff: BackOff = { firstMs: 1000, capMs: 30_000 }

/** Sends what waits in the ledger, each lane in order, until it is closed. */
export function startDeferredLoop(parts: DeferredLoopParts): DeferredLoop {
  const { ledger, attempt, outage, workers, track, logger } = parts
  const { lanes } = ledger
  let mode: Mode = 'running'
  const cutOff = new AbortController()
  const working = new Set<Promise<void>>()
  const failuresOf = new Map<string, number>()
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
    if (mode === 'running') timer = setTimeout(check, ms)
  }

  /** Checks when the next lane is due, after `maxMs` at the latest. */
  function checkWithin(maxMs: number): void {
    checkIn(maxMs)
    if (mode !== 'running') return
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
        logger.error({ err: error }, 'deferred deliveries could not be read; will try again')
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
    while (mode === 'running' && outage.isOpen) {
      const lane = await lanes.claim()
      if (lane === undefined) break
      found = true
      // Another lane may be due.
      if (working.size < workers && mode === 'running') startWorker()
      await workLane(lane)
    }
    return found
  }

  async function workLane(lane: string): Promise<void> {
    for (let more = true; more; ) {
      const head = await lanes.head(lane)
      if (head === undefined || mode !== 'running') return lanes.release(lane, ledger.now())
      const waitMs = await sendHead(lane, head)
      if (waitMs !== undefined) return lanes.release(lane, ledger.now() + waitMs)
      more = await lanes.pop(lane, head.position)
    }
  }

  /** Resolves to the wait before the next attempt in milliseconds, or undefined if the head is settled. */
  async function sendHead(lane: string, head: DeferredMail): Promise<number | undefined> {
    try {
      const task = await readDeferred(head, parts)
      await attempt(task, cutOff.signal)
      failuresOf.delete(lane)
      return undefined
    } catch (error) {
      if (error instanceof RetryLater) return error.retryAfterMs
      if (mode === 'closed') return 0
      const failures = (failuresOf.get(lane) ?? 0) + 1
      failuresOf.set(lane, failures)
      if (await parts.giveUp(head, error, failures).catch(() => false)) {
        failuresOf.delete(lane)
        return undefined
      }
      logger.error({ err: error }, 'a deferred delivery could not be handled; will try again')
      return backOffMs(errorBackOff, failures)
    }
  }

  check()
  return {
    nudge: () => checkIn(0),
    close(drainMs) {
      closing ??= (async () => {
        mode = 'draining'
        clearTimeout(timer)
        let drained: NodeJS.Timeout | undefined
        const late = new Promise<void>((resolve) => {
          drained = setTimeout(resolve, drainMs)
        })
        await Promise.race([Promise.allSettled(working), late])
        clearTimeout(drained)
        mode = 'closed'
        cutOff.abort()
      })()
      return closing
    },
  }
}
