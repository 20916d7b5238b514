import { setMaxListeners } from 'node:events'
import type { Logger } from '@herald/runtime'
import { maxTimerMs, redeliveryDelayMs } from './back-off.js'
import { type Delivery, type DeliveryContext, type Handler, RetryLater } from './broker.js'
import { Fifo } from './fifo.js'
import { OffsetWindow, type WindowEntry } from './offset-window.js'
import { ParkedLanes } from './parked-lanes.js'
import type { SubscriptionLimits } from './subscription-limits.js'

/** An event that a driver has read. */
export interface LaneEvent {
  /** The driver's own number of the event; ascending. */
  readonly offset: bigint
  /** Not copied. */
  readonly delivery: Omit<Delivery, 'attempt'>
}

export interface LanesOptions {
  readonly handler: Handler
  /** Shared by the lanes of all partitions of the subscription. */
  readonly limits: SubscriptionLimits
  /** Called each time `committable` has moved. */
  readonly onProgress?: () => void
  /** Called for each rejection, with the back-off chosen. For the log. */
  readonly onRejected?: (error: unknown, delivery: Delivery, retryInMs: number) => void
}

/** An `onRejected` that writes to the log: a retry that was asked for at debug level, others as warnings. */
export function logRejections(logger: Logger): NonNullable<LanesOptions['onRejected']> {
  return (error, { position, attempt }, retryInMs) => {
    const fields = { position, attempt, retryInMs }
    if (error instanceof RetryLater) logger.debug(fields, 'event to be delivered again')
    else logger.warn({ ...fields, err: error }, 'event not handled, to be delivered again')
  }
}

/** Acknowledged events behind one that is not: they cannot be committed yet, and a crash delivers them again. */
const maxAcknowledgedAhead = 100_000

interface BufferedEvent extends WindowEntry {
  delivery: Omit<Delivery, 'attempt'> | undefined
  attempts: number
}

interface Lane {
  /** Null: the lane of one event without a key. */
  readonly key: string | null
  /** The first is being handled, waits for its turn, or is parked. */
  readonly queue: Fifo<BufferedEvent>
  start(): boolean
}

/**
 * The events of one partition during one assignment: keys run concurrently, each key in order, within
 * the limits of the subscription. Does no I/O: the driver pushes what it read, in order, commits
 * `committable`, and then calls `markCommitted`. What could be committed and is not takes room: a member that
 * cannot commit soon takes nothing more, and less is delivered again when another one takes over. Closed
 * after `drain` or `revoke`; a new assignment gets new lanes.
 */
export class Lanes {
  readonly #options: LanesOptions
  readonly #window: OffsetWindow
  readonly #lanes = new Map<string, Lane>()
  readonly #parked: ParkedLanes<Lane>
  /** One for all handlers: they lose the partition together, and one each was the largest cost of garbage collection. */
  readonly #controller = new AbortController()
  readonly #normalContext: DeliveryContext = { signal: this.#controller.signal, crowded: false }
  readonly #crowdedContext: DeliveryContext = { signal: this.#controller.signal, crowded: true }
  readonly #drained: (() => void)[] = []
  #running = 0
  #buffered = 0
  #state: 'open' | 'draining' | 'closed' = 'open'

  /** `from`: the offset to begin with, if it is known. */
  constructor(options: LanesOptions, from?: bigint) {
    this.#options = options
    this.#window = new OffsetWindow(from)
    setMaxListeners(0, this.#controller.signal)
    this.#parked = new ParkedLanes(options.limits, (lane, early) => {
      const start = () => this.#start(lane, this.#crowdedContext)
      options.limits.enqueue(early ? { start } : lane)
    })
  }

  /** The offset after the last event taken; `from` before the first. */
  get position(): bigint | undefined {
    return this.#window.position
  }

  /** The next offset to commit: everything taken before it is acknowledged. Undefined before the first. */
  get committable(): bigint | undefined {
    return this.#window.committable
  }

  /** Events taken and not yet acknowledged. */
  get buffered(): number {
    return this.#buffered
  }

  /** Every event taken was acknowledged. False after `drain` or `revoke` dropped one. */
  get allAcknowledged(): boolean {
    return this.#window.length === 0
  }

  /** How many events `push` would take now. */
  get room(): number {
    if (this.#state !== 'open') return 0
    const ahead = maxAcknowledgedAhead - (this.#window.length - this.#buffered)
    const own = this.#buffered + this.#window.uncommitted
    return Math.max(0, Math.min(ahead, this.#options.limits.room(own)))
  }

  /**
   * Takes the events, ascending, as far as there is room; returns how many. Offsets may have gaps.
   * Those before `position` were taken already and are skipped, so a batch may come again.
   */
  push(events: readonly LaneEvent[]): number {
    let taken = 0
    let room = this.room
    for (const { offset, delivery } of events) {
      if (!this.#window.wasTaken(offset)) {
        if (room === 0 || this.#state !== 'open') break
        room -= 1
        this.#take({ offset, delivery, attempts: 0, acknowledged: false }, delivery.key)
      }
      taken += 1
    }
    return taken
  }

  /** The broker has stored that the events before `offset` are acknowledged. */
  markCommitted(offset: bigint): void {
    if (this.#state === 'closed') return
    this.#options.limits.unmarkUncommitted(this.#window.commit(offset))
  }

  /**
   * Starts no more handlers, waits up to `timeoutMs` for those at work, then revokes. What they
   * acknowledge meanwhile moves `committable`; events that wait or are parked are released at once.
   */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#state === 'closed') return
    this.#release()
    if (this.#running > 0) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.#drained.push(resolve)
        timer = setTimeout(resolve, Math.min(timeoutMs, maxTimerMs))
      })
      clearTimeout(timer)
    }
    this.revoke()
  }

  /** The partition is lost: starts no more handlers, aborts the signal, ignores acknowledgements. Idempotent. */
  revoke(): void {
    this.#release()
    if (this.#state !== 'closed') this.#options.limits.unmarkUncommitted(this.#window.uncommitted)
    this.#state = 'closed'
    // Do not abort a handler that ended in time.
    if (this.#running > 0) this.#controller.abort()
    for (const resolve of this.#drained.splice(0)) resolve()
  }

  #release(): void {
    if (this.#state !== 'open') return
    this.#state = 'draining'
    this.#parked.close()
    this.#lanes.clear()
    this.#releaseEvents(this.#buffered - this.#running)
  }

  #take(event: BufferedEvent, key: string | null): void {
    this.#window.take(event)
    this.#buffered += 1
    this.#options.limits.reserve()
    const existing = key === null ? undefined : this.#lanes.get(key)
    if (existing !== undefined) {
      existing.queue.push(event)
      this.#parked.eventAdded(existing)
      return
    }
    const lane: Lane = {
      key,
      queue: new Fifo(),
      start: () => this.#start(lane, this.#normalContext),
    }
    lane.queue.push(event)
    if (key !== null) this.#lanes.set(key, lane)
    this.#options.limits.enqueue(lane)
  }

  #start(lane: Lane, context: DeliveryContext): boolean {
    const event = lane.queue.peek()
    if (this.#state !== 'open' || event?.delivery === undefined) return false
    event.attempts += 1
    this.#running += 1
    void this.#handle(lane, event, { ...event.delivery, attempt: event.attempts }, context)
    return true
  }

  async #handle(lane: Lane, event: BufferedEvent, delivery: Delivery, context: DeliveryContext) {
    let rejection: { readonly error: unknown } | undefined
    try {
      await this.#options.handler(delivery, context)
    } catch (error) {
      rejection = { error }
    }
    this.#running -= 1
    if (rejection === undefined) this.#acknowledge(lane, event)
    else this.#park(lane, delivery, rejection.error, context)
    this.#options.limits.handlerDone()
    if (this.#running === 0) for (const resolve of this.#drained.splice(0)) resolve()
  }

  #acknowledge(lane: Lane, event: BufferedEvent): void {
    this.#releaseEvents(1)
    if (this.#state === 'closed') return
    event.delivery = undefined
    if (this.#state === 'open') {
      lane.queue.shift()
      if (lane.queue.length > 0) this.#options.limits.enqueue(lane)
      else if (lane.key !== null) this.#lanes.delete(lane.key)
    }
    const committable = this.#window.acknowledge(event)
    if (committable === 0) return
    this.#options.limits.markUncommitted(committable)
    this.#options.onProgress?.()
  }

  #park(lane: Lane, delivery: Delivery, error: unknown, { crowded }: DeliveryContext): void {
    if (this.#state !== 'open') {
      this.#releaseEvents(1)
      return
    }
    const delayMs = redeliveryDelayMs(error, delivery.attempt)
    this.#options.onRejected?.(error, delivery, delayMs)
    // Not a second time for a handler that parked it although it was crowded.
    const mayEndEarly = error instanceof RetryLater && error.soonerWhenCrowded && !crowded
    this.#parked.park(lane, { delayMs, mayEndEarly })
  }

  #releaseEvents(count: number): void {
    this.#buffered -= count
    this.#options.limits.release(count)
  }
}
