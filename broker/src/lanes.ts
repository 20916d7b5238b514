import { setMaxListeners } from 'node:events'
import type { Logger } from '@herald/runtime'
import { backOffMs } from './back-off.js'
import { type Delivery, type DeliveryContext, type Handler, RetryLater } from './broker.js'
import { Fifo } from './fifo.js'
import type { Slots } from './slots.js'

export interface LaneRecord {
  readonly offset: bigint
  /** Its `offset` is the decimal of the one above. Not copied. */
  readonly delivery: Omit<Delivery, 'attempt'>
}

export interface LanesOptions {
  readonly handler: Handler
  /** One per subscription: its bounds hold over all partitions. */
  readonly slots: Slots
  /** Called each time `committable` has moved. */
  readonly onProgress?: () => void
  /** Called for each rejection, with the back-off chosen. For the log. */
  readonly onRejected?: (error: unknown, delivery: Delivery, retryInMs: number) => void
  /** The back-off after attempt n is random in [0, min(maxMs, baseMs × 2^(n-1))]. Default 200 and 30,000. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number }
}

/** An `onRejected` that writes to the log: a retry that was asked for at debug level, others as warnings. */
export function logRejections(logger: Logger): NonNullable<LanesOptions['onRejected']> {
  return (error, { partition, offset, attempt }, retryInMs) => {
    const fields = { partition, offset, attempt, retryInMs }
    if (error instanceof RetryLater) logger.debug(fields, 'event to be delivered again')
    else logger.warn({ ...fields, err: error }, 'event not handled, to be delivered again')
  }
}

/** Acknowledged events remembered behind one that is not; a crash delivers them again. */
const maxAhead = 100_000
const maxTimerMs = 2 ** 31 - 1

interface Entry {
  readonly offset: bigint
  delivery: Omit<Delivery, 'attempt'> | undefined
  attempts: number
  done: boolean
}

interface Lane {
  /** Null: the lane of one event without a key. */
  readonly key: string | null
  readonly queue: Fifo<Entry>
  /** Set while it is parked. */
  parked: Parked | undefined
  /** The next event is retried before its time, to make room. */
  retryEarly: boolean
  start(): boolean
}

interface Parked {
  readonly timer: NodeJS.Timeout
  readonly mayRetryEarly: boolean
}

/**
 * The events of ONE assignment of one partition: keys run concurrently, each key in order, within
 * the bounds of the subscription. Does no I/O: the driver pushes what it read, in order, and
 * commits `committable`. After `drain` or `revoke` it is closed; a new assignment gets a new one.
 */
export class Lanes {
  readonly #options: LanesOptions
  readonly #backoff: { readonly baseMs: number; readonly maxMs: number }
  readonly #window = new Fifo<Entry>()
  readonly #lanes = new Map<string, Lane>()
  readonly #parked = new Set<Lane>()
  /** One for all handlers, which lose the partition together: one each was the largest cost of garbage collection. */
  readonly #controller = new AbortController()
  readonly #normalContext: DeliveryContext = { signal: this.#controller.signal, crowded: false }
  readonly #crowdedContext: DeliveryContext = { signal: this.#controller.signal, crowded: true }
  readonly #drained: (() => void)[] = []
  readonly #stopWatching: () => void
  #running = 0
  #buffered = 0
  #position: bigint | undefined
  #committable: bigint | undefined
  #state: 'open' | 'draining' | 'closed' = 'open'

  /** `from`: the first offset, if it is known. */
  constructor(options: LanesOptions, from?: bigint) {
    this.#options = options
    this.#backoff = options.backoff ?? { baseMs: 200, maxMs: 30_000 }
    this.#position = from
    setMaxListeners(0, this.#controller.signal)
    this.#stopWatching = options.slots.watchCrowd(() => this.#makeRoom())
  }

  /** The offset after the last one taken; `from` before any was. */
  get position(): bigint | undefined {
    return this.#position
  }

  /** The next offset to commit: everything taken before it is acknowledged. Undefined before the first. */
  get committable(): bigint | undefined {
    return this.#committable
  }

  /** Events taken and not yet acknowledged. */
  get buffered(): number {
    return this.#buffered
  }

  /** Every event taken was acknowledged. False after `drain` or `revoke` dropped one. */
  get settled(): boolean {
    return this.#window.length === 0
  }

  /** How many events `push` would take now. */
  get room(): number {
    if (this.#state !== 'open') return 0
    const ahead = maxAhead - (this.#window.length - this.#buffered)
    return Math.max(0, Math.min(ahead, this.#options.slots.room(this.#buffered)))
  }

  /**
   * Takes the records, ascending, as far as there is room; returns how many. Offsets may have gaps.
   * Those before `position` were taken already and are skipped, so a batch may come again.
   */
  push(records: readonly LaneRecord[]): number {
    let taken = 0
    let room = this.room
    for (const { offset, delivery } of records) {
      const known = this.#position !== undefined && offset < this.#position
      if (!known) {
        if (room === 0 || this.#state !== 'open') break
        room -= 1
        this.#take({ offset, delivery, attempts: 0, done: false }, delivery.key)
      }
      taken += 1
    }
    return taken
  }

  /**
   * Starts no more, waits up to `timeoutMs` for the handlers at work, then revokes. What they
   * acknowledge meanwhile moves `committable`; what waits or is parked is released at once.
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

  /** The partition is lost: starts no more, aborts the signals, ignores acknowledgements. Idempotent. */
  revoke(): void {
    this.#release()
    this.#state = 'closed'
    // Do not abort a handler that ended in time.
    if (this.#running > 0) this.#controller.abort()
    for (const resolve of this.#drained.splice(0)) resolve()
  }

  #release(): void {
    if (this.#state !== 'open') return
    this.#state = 'draining'
    this.#stopWatching()
    for (const lane of [...this.#parked]) this.#unpark(lane)
    this.#lanes.clear()
    this.#releaseEvents(this.#buffered - this.#running)
  }

  #take(entry: Entry, key: string | null): void {
    this.#position = entry.offset + 1n
    this.#buffered += 1
    this.#options.slots.reserve()
    this.#window.push(entry)
    const known = key === null ? undefined : this.#lanes.get(key)
    if (known !== undefined) {
      known.queue.push(entry)
      if (known.parked !== undefined) this.#options.slots.markParked(1)
      return
    }
    const lane: Lane = {
      key,
      queue: new Fifo(),
      parked: undefined,
      retryEarly: false,
      start: () => this.#start(lane),
    }
    lane.queue.push(entry)
    if (key !== null) this.#lanes.set(key, lane)
    this.#options.slots.enqueue(lane)
  }

  #start(lane: Lane): boolean {
    const entry = lane.queue.peek()
    if (this.#state !== 'open' || entry?.delivery === undefined) return false
    entry.attempts += 1
    const context = lane.retryEarly ? this.#crowdedContext : this.#normalContext
    lane.retryEarly = false
    this.#running += 1
    void this.#handle(lane, entry, { ...entry.delivery, attempt: entry.attempts }, context)
    return true
  }

  async #handle(lane: Lane, entry: Entry, delivery: Delivery, context: DeliveryContext) {
    let rejection: { readonly error: unknown } | undefined
    try {
      await this.#options.handler(delivery, context)
    } catch (error) {
      rejection = { error }
    }
    this.#running -= 1
    if (rejection === undefined) this.#acknowledge(lane, entry)
    else this.#park(lane, delivery, rejection.error, context)
    this.#options.slots.handlerDone()
    if (this.#running === 0) for (const resolve of this.#drained.splice(0)) resolve()
  }

  #acknowledge(lane: Lane, entry: Entry): void {
    this.#releaseEvents(1)
    if (this.#state === 'closed') return
    entry.done = true
    entry.delivery = undefined
    if (this.#state === 'open') {
      lane.queue.shift()
      if (lane.queue.length > 0) this.#options.slots.enqueue(lane)
      else if (lane.key !== null) this.#lanes.delete(lane.key)
    }
    let committable: bigint | undefined
    while (this.#window.peek()?.done) committable = this.#window.shift()?.offset
    if (committable === undefined) return
    this.#committable = committable + 1n
    this.#options.onProgress?.()
  }

  #park(lane: Lane, delivery: Delivery, error: unknown, { crowded }: DeliveryContext): void {
    if (this.#state !== 'open') {
      this.#releaseEvents(1)
      return
    }
    const delayMs = this.#delayMs(error, delivery.attempt)
    const timer = setTimeout(() => {
      this.#unpark(lane)
      this.#options.slots.enqueue(lane)
    }, delayMs)
    // Not a second time for a handler that parked it although it was crowded.
    const mayRetryEarly = error instanceof RetryLater && error.soonerWhenCrowded && !crowded
    lane.parked = { timer, mayRetryEarly }
    this.#parked.add(lane)
    this.#options.onRejected?.(error, delivery, delayMs)
    this.#options.slots.markParked(lane.queue.length)
  }

  #unpark(lane: Lane): void {
    clearTimeout(lane.parked?.timer)
    lane.parked = undefined
    this.#parked.delete(lane)
    this.#options.slots.unmarkParked(lane.queue.length)
  }

  /** Parked keys must not keep other keys out of the buffer: retries some early, the longest lanes first. */
  #makeRoom(): void {
    const { slots } = this.#options
    const longestFirst = [...this.#parked]
      .filter((lane) => lane.parked?.mayRetryEarly)
      .sort((one, other) => other.queue.length - one.queue.length)
    for (const lane of longestFirst) {
      if (!slots.crowded) return
      this.#unpark(lane)
      lane.retryEarly = true
      slots.enqueue(lane)
    }
  }

  #delayMs(error: unknown, attempt: number): number {
    if (error instanceof RetryLater) {
      // A longer one, or NaN, would make setTimeout fire at once.
      return Math.max(0, Math.min(error.retryAfterMs || 0, maxTimerMs))
    }
    const { baseMs, maxMs } = this.#backoff
    return backOffMs(attempt, baseMs, maxMs)
  }

  #releaseEvents(events: number): void {
    this.#buffered -= events
    this.#options.slots.release(events)
  }
}
