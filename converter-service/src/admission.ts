import { HeraldError } from '@herald/proto/errors'

/** A conversion that was let in. */
export interface Place {
  /** `leftMs` tells how long workers will still be at it, in milliseconds. */
  expect(leftMs: () => number): void
  /** Gives the place back. Idempotent. */
  leave(): void
}

interface Taken {
  leftMs: () => number
}

export interface AdmissionOptions {
  /** Conversions at a time, running or waiting. */
  readonly places: number
  readonly workers: number
  /** What a conversion usually takes, for those of which nothing is known yet, in milliseconds. */
  readonly usualMs: () => number
  /** A clock that never goes back, in milliseconds. */
  readonly now?: () => number
}

/** Nobody is sent away for less; it takes as long to come back. */
const minWaitMs = 250

/** Lets in as many conversions at a time as can run or wait, and none once closed. */
export class Admission {
  readonly #options: AdmissionOptions
  readonly #now: () => number
  readonly #taken = new Set<Taken>()
  /** When those sent away were told to come back. */
  #promised: number[] = []
  #closed = false
  readonly #whenEmpty: (() => void)[] = []

  constructor(options: AdmissionOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  get taken(): number {
    return this.#taken.size
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Takes a place. Throws HERALD_BUSY or HERALD_SHUTTING_DOWN, saying when to come back. */
  enter(): Place {
    if (this.#closed) {
      throw new HeraldError('HERALD_SHUTTING_DOWN', 'The server is about to stop.', {
        remedy: 'Try again in a moment.',
        retryAfterMs: 2000,
      })
    }
    const { places, usualMs } = this.#options
    if (this.#taken.size >= places) {
      throw new HeraldError(
        'HERALD_BUSY',
        `The server is busy: ${places} conversions are running or waiting.`,
        { remedy: 'Try again in a moment.', retryAfterMs: this.#promiseNext() },
      )
    }
    const taken: Taken = { leftMs: usualMs }
    this.#taken.add(taken)
    return {
      expect: (leftMs) => {
        taken.leftMs = leftMs
      },
      leave: () => {
        if (!this.#taken.delete(taken)) return
        if (this.#taken.size === 0) for (const told of this.#whenEmpty.splice(0)) told()
      },
    }
  }

  /** Time until the conversions let in now would all be done, in milliseconds. */
  get backlogMs(): number {
    return this.#endings().at(-1) ?? 0
  }

  /** Lets nobody in any more; resolves when the last one has left. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#taken.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve))
  }

  /** When a place is free that was not promised to somebody before, in milliseconds from now. */
  #promiseNext(): number {
    const now = this.#now()
    this.#promised = this.#promised.filter((at) => at > now)
    const endings = this.#endings()
    const round = Math.floor(this.#promised.length / endings.length)
    const ending = endings[this.#promised.length % endings.length] ?? 0
    const waitMs = Math.max(minWaitMs, ending + round * (endings.at(-1) ?? 0))
    this.#promised.push(now + waitMs)
    return Math.round(waitMs)
  }

  /** When those inside will be done, one after the other, if the shortest go first. */
  #endings(): number[] {
    const left = [...this.#taken].map(({ leftMs }) => leftMs())
    const free: number[] = Array.from({ length: this.#options.workers }, () => 0)
    return left
      .sort((one, other) => one - other)
      .map((ms) => {
        free.sort((one, other) => one - other)
        free[0] = (free[0] ?? 0) + ms
        return free[0]
      })
      .sort((one, other) => one - other)
  }
}
