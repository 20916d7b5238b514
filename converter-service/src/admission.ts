import { HeraldError } from '@herald/proto/errors'

/** Lets in as many conversions at a time as can run or wait, and none once closed. */
export class Admission {
  readonly #places: number
  /** A rough time one conversion takes, to tell the others when to come back. */
  readonly #usualMs: () => number
  #taken = 0
  #closed = false
  readonly #whenEmpty: (() => void)[] = []

  constructor(places: number, usualMs: () => number) {
    this.#places = places
    this.#usualMs = usualMs
  }

  get taken(): number {
    return this.#taken
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Takes a place; returns what gives it back, once. Throws HERALD_BUSY or HERALD_SHUTTING_DOWN. */
  enter(): () => void {
    if (this.#closed) {
      throw new HeraldError('HERALD_SHUTTING_DOWN', 'The server is about to stop.', {
        remedy: 'Try again in a moment.',
        retryAfterMs: 2000,
      })
    }
    if (this.#taken >= this.#places) {
      throw new HeraldError(
        'HERALD_BUSY',
        `The server is busy: ${this.#places} conversions are running or waiting.`,
        {
          remedy: 'Try again in a moment.',
          retryAfterMs: Math.round(Math.min(30_000, Math.max(250, this.#usualMs()))),
        },
      )
    }
    this.#taken++
    let left = false
    return () => {
      if (left) return
      left = true
      this.#taken--
      if (this.#taken === 0) for (const told of this.#whenEmpty.splice(0)) told()
    }
  }

  /** Lets nobody in any more; resolves when the last one has left. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#taken > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve))
  }
}
