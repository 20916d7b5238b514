import { RetryLater } from '@herald/broker'
import type { Logger } from '@herald/runtime'
import type { Attempt } from './attempt.js'
import { type BackOff, backOffMs } from './back-off.js'
import type { Channel } from './channel.js'
import type { DeferredMail } from './ledger/deferred-lanes.js'
import type { Ledger } from './ledger/ledger.js'
import type { Outage } from './outage.js'
import { readDeferred } from './task.js'
import type { UnexpectedErrors } from './unexpected-errors.js'

export interface DeferredLoopParts {
  readonly ledger: Ledger
  readonly channel: Channel
  readonly attempt: Attempt
  readonly outage: Pick<Outage, 'isOpen'>
  /** Puts a mail that fails each time to the dead letters; resolves to whether it did. */
  readonly giveUp: UnexpectedErrors['giveUp']
  /** Most lanes at work at once. */
  readonly workers: number
  /** Gets all work begun, so that the ledger can be kept open until it ends. */
  readonly track: (work: Promise<void>) => void
  readonly logger: Logger
}

export interface DeferredLoop {
  /** Something was put into a lane: looks at once. */
  nudge(): void
  /** Takes up nothing more, waits up to `drainMs` for mails in flight; what begins none until then never will. Idempotent. */
  close(drainMs: number): Promise<void>
}

/** How often to look for lanes that another process put there or left, in milliseconds. */
const lookMs = 1000
const soonMs = 20
/** Smaller steps of the clock do no harm. */
const leastStepMs = 500
/** After a fault of our own: a full disk, a broker that takes no dead letter. */
const faultBackOff: BackOff = { firstMs: 1000, capMs: 30_000 }

/** Closes the runs that are due and sends what waits in the ledger, each lane in order, until it is closed. */
export function startDeferredLoop(parts: DeferredLoopParts): DeferredLoop {
  const { ledger, attempt, outage, workers, track, logger } = parts
  const { lanes, gathering } = ledger
  const ending = new AbortController()
  const cut = new AbortController()
  const working = new Set<Promise<void>>()
  const faults = new Map<string, number>()
  /** Of the time of day from a clock that is never set. */
  let clockOffset = Number.POSITIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  let closed: Promise<void> | undefined
  let closing: Promise<void> | undefined

  function look(): void {
    if (ending.signal.aborted) return
    if (clockWasSetBack()) adjust()
    if (closing === undefined && isDue(gathering.nextDueAt())) closeRuns()
    if (outage.isOpen) {
      if (isDue(lanes.nextDueAt()) && working.size < workers) begin()
    }
    wait(lookMs)
  }

  /** True at the start as well: it may have been set back before. */
  function clockWasSetBack(): boolean {
    const offset = Date.now() - performance.now()
    const isBack = offset < clockOffset - leastStepMs
    clockOffset = offset
    return isBack
  }

  function adjust(): void {
    const adjusting = ledger.adjustToClock().then(
      () => wait(0),
      (error: unknown) => logger.error({ err: error }, 'waits could not be adjusted to the clock'),
    )
    track(adjusting)
  }

  const isDue = (at: number | undefined) => at !== undefined && at <= Date.now()

  function closeRuns(): void {
    closing = gathering.closeDue().then(
      (runs) => {
        closing = undefined
        wait(runs > 0 ? 0 : lookMs)
      },
      (error: unknown) => {
        closing = undefined
        logger.error(
          { err: error },
          'the events of a run could not be put together; will try again',
        )
      },
    )
    track(closing)
  }

  function wait(mostMs: number): void {
    clearTimeout(timer)
    if (ending.signal.aborted) return
    const never = Number.POSITIVE_INFINITY
    const dueAt = Math.min(lanes.nextDueAt() ?? never, gathering.nextDueAt() ?? never)
    const dueInMs = dueAt - Date.now()
    // What is due and not taken is held by somebody, or every worker is busy.
    timer = setTimeout(look, dueInMs > 0 ? Math.min(dueInMs + 1, mostMs) : mostMs)
  }

  function begin(): void {
    const work = workLanes()
      .catch((error: unknown) => {
        logger.error({ err: error }, 'what was put aside could not be read')
        return false
      })
      .then((found) => {
        working.delete(work)
        // What is due and could not be taken is at work elsewhere: no reason to hurry.
        wait(found ? soonMs : lookMs)
      })
    working.add(work)
    track(work)
  }

  /** Resolves to whether there was any. */
  async function workLanes(): Promise<boolean> {
    let found = false
    while (!ending.signal.aborted && outage.isOpen) {
      const lane = await lanes.claim()
      if (lane === undefined) break
      found = true
      // Another one may be due as well.
      if (working.size < workers && !ending.signal.aborted) begin()
      await workLane(lane)
    }
    return found
  }

  async function workLane(lane: string): Promise<void> {
    for (let more = true; more; ) {
      const head = lanes.head(lane)
      if (head === undefined || ending.signal.aborted) return lanes.release(lane, Date.now())
      const waitMs = await sendHead(lane, head)
      if (waitMs !== undefined) return lanes.release(lane, Date.now() + waitMs)
      more = await lanes.pop(lane, head.position)
    }
  }

  /** Resolves to when to come back, or undefined where the head is settled. */
  async function sendHead(lane: string, head: DeferredMail): Promise<number | undefined> {
    try {
      const task = await readDeferred(head, parts)
      await attempt(task, cut.signal)
      faults.delete(lane)
      return undefined
    } catch (error) {
      if (error instanceof RetryLater) return error.retryAfterMs
      if (cut.signal.aborted) return 0
      const failures = (faults.get(lane) ?? 0) + 1
      faults.set(lane, failures)
      if (await parts.giveUp(head, error, failures).catch(() => false)) {
        faults.delete(lane)
        return undefined
      }
      logger.error({ err: error }, 'what was put aside could not be handled; will try again')
      return backOffMs(faultBackOff, failures)
    }
  }

  look()
  return {
    nudge: () => wait(0),
    close(drainMs) {
      closed ??= (async () => {
        ending.abort()
        clearTimeout(timer)
        let drained: NodeJS.Timeout | undefined
        const late = new Promise<void>((resolve) => {
          drained = setTimeout(resolve, drainMs)
        })
        await Promise.race([Promise.allSettled(working), late])
        clearTimeout(drained)
        cut.abort()
      })()
      return closed
    },
  }
}
