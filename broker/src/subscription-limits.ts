import { Fifo } from './fifo.js'

/** A handler to be started. */
interface Startable {
  /** Starts it: it is in flight until `handlerDone`. Returns false if it is no longer to be started. */
  start(): boolean
}

export interface LimitsOptions {
  /** The most handlers at work at once. Default 32. */
  readonly maxInFlight?: number | undefined
  /**
   * The most events taken and not yet committed, those acknowledged behind one that is not left out.
   * Default 10 × maxInFlight.
   */
  readonly maxBuffered?: number | undefined
  /** Called after events were released or committed, at most once per turn of the event loop: fetch more. */
  readonly onRoom?: () => void
}

/**
 * How many handlers of a subscription may run and how many events it may buffer, over all its
 * partitions. Throws RangeError for a limit that is not a positive whole number.
 */
export class SubscriptionLimits {
  readonly maxInFlight: number
  readonly maxBuffered: number
  readonly #onRoom: (() => void) | undefined
  readonly #waiting = new Fifo<Startable>()
  readonly #crowdWatchers = new Set<() => void>()
  #parked = 0
  #inFlight = 0
  #buffered = 0
  #uncommitted = 0
  #paused = false
  #onRoomScheduled = false

  constructor({ maxInFlight = 32, maxBuffered = 10 * maxInFlight, onRoom }: LimitsOptions = {}) {
    this.maxInFlight = atLeastOne('maxInFlight', maxInFlight)
    this.maxBuffered = atLeastOne('maxBuffered', maxBuffered)
    this.#onRoom = onRoom
  }

  /** Handlers at work. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Events taken and not yet acknowledged. */
  get buffered(): number {
    return this.#buffered
  }

  /** Whether half the buffer is taken by events that are acknowledged and not yet committed. */
  get isCommitUrgent(): boolean {
    return this.#uncommitted * 2 >= this.maxBuffered
  }

  get paused(): boolean {
    return this.#paused
  }

  /** Starts no more handlers. Idempotent. */
  pause(): void {
    this.#paused = true
  }

  /** Undoes pause. Idempotent. */
  resume(): void {
    this.#paused = false
    this.#startWaiting()
  }

  /**
   * How many more events a partition may take that has `own` buffered or not committed. One partition gets
   * at most eight times what it leaves free, so that a partition full of parked keys does not block the others.
   */
  room(own: number): number {
    const free = this.maxBuffered - this.#buffered - this.#uncommitted
    return Math.max(0, Math.min(free, Math.floor((8 * (free + 1) - own) / 9)))
  }

  /** Whether the events of parked keys fill half the buffer, which leaves too little for the others. */
  get crowded(): boolean {
    return this.#parked * 2 >= this.maxBuffered
  }

  /** Counts `events` as parked, or waiting behind one that is. */
  markParked(events: number): void {
    this.#parked += events
    if (events > 0 && this.crowded) for (const watcher of this.#crowdWatchers) watcher()
  }

  /** Undoes markParked. */
  unmarkParked(events: number): void {
    this.#parked -= events
  }

  /** Calls `watcher` when `crowded` becomes true. Returns the function that ends it. */
  watchCrowd(watcher: () => void): () => void {
    this.#crowdWatchers.add(watcher)
    return () => void this.#crowdWatchers.delete(watcher)
  }

  /** Counts one event as buffered. */
  reserve(): void {
    this.#buffered += 1
  }

  /** Counts `events` as no longer buffered. */
  release(events: number): void {
    this.#buffered -= events
    if (events > 0) this.#announceRoom()
  }

  /** Counts `events` as acknowledged and not yet committed. They take room: a crash delivers them again. */
  markUncommitted(events: number): void {
    this.#uncommitted += events
  }

  /** Undoes markUncommitted. */
  unmarkUncommitted(events: number): void {
    this.#uncommitted -= events
    if (events > 0) this.#announceRoom()
  }

  /** Starts `work` when fewer than `maxInFlight` are at work: first come, first served. */
  enqueue(work: Startable): void {
    this.#waiting.push(work)
    this.#startWaiting()
  }

  /** A handler that was started has ended. */
  handlerDone(): void {
    this.#inFlight -= 1
    this.#startWaiting()
  }

  #announceRoom(): void {
    if (this.#onRoom === undefined || this.#onRoomScheduled) return
    this.#onRoomScheduled = true
    setImmediate(() => {
      this.#onRoomScheduled = false
      this.#onRoom?.()
    })
  }

  #startWaiting(): void {
    while (!this.#paused && this.#inFlight < this.maxInFlight) {
      const work = this.#waiting.shift()
      if (work === undefined) return
      this.#inFlight += 1
      if (!work.start()) this.#inFlight -= 1
    }
  }
}

function atLeastOne(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`${name} must be a whole number of at least 1, not ${value}`)
}
