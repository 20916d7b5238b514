import type { SubscriptionLimits } from './subscription-limits.js'

/** What waits for one key. */
interface ParkableLane {
  readonly queue: { readonly length: number }
}

interface Wait {
  readonly timer: NodeJS.Timeout
  readonly mayEndEarly: boolean
}

/** The lanes of one partition that wait after a rejection. The limits count their events as parked. */
export class ParkedLanes<Lane extends ParkableLane> {
  readonly #waits = new Map<Lane, Wait>()
  readonly #limits: SubscriptionLimits
  readonly #onUnparked: (lane: Lane, early: boolean) => void
  readonly #stopWatching: () => void

  /** `onUnparked` is called when a wait is over, or `early` because parked events take too much room. */
  constructor(limits: SubscriptionLimits, onUnparked: (lane: Lane, early: boolean) => void) {
    this.#limits = limits
    this.#onUnparked = onUnparked
    this.#stopWatching = limits.watchCrowd(() => this.#makeRoom())
  }

  park(lane: Lane, { delayMs, mayEndEarly }: { delayMs: number; mayEndEarly: boolean }): void {
    const timer = setTimeout(() => {
      this.#remove(lane)
      this.#onUnparked(lane, false)
    }, delayMs)
    this.#waits.set(lane, { timer, mayEndEarly })
    this.#limits.markParked(lane.queue.length)
  }

  /** An event was added to the lane, parked or not. */
  eventAdded(lane: Lane): void {
    if (this.#waits.has(lane)) this.#limits.markParked(1)
  }

  /** Ends all waits; `onUnparked` is not called again. */
  close(): void {
    this.#stopWatching()
    for (const lane of [...this.#waits.keys()]) this.#remove(lane)
  }

  #remove(lane: Lane): void {
    clearTimeout(this.#waits.get(lane)?.timer)
    this.#waits.delete(lane)
    this.#limits.unmarkParked(lane.queue.length)
  }

  /** Ends some waits early, those of the longest lanes first, so that they do not keep others out of the buffer. */
  #makeRoom(): void {
    const longestFirst = [...this.#waits]
      .filter(([, { mayEndEarly }]) => mayEndEarly)
      .map(([lane]) => lane)
      .sort((one, other) => other.queue.length - one.queue.length)
    for (const lane of longestFirst) {
      if (!this.#limits.crowded) return
      this.#remove(lane)
      this.#onUnparked(lane, true)
    }
  }
}
