import { HeraldError } from '@herald/proto/errors'

/** A conversion that was let in. */
export interface Slot {
  /** Idempotent. */
  release(): void
}

/** Lets in as many conversions at a time as can run or wait, and none once closed. */
export class Admission {
  readonly #maxConversions: number
  readonly #slots = new Set<Slot>()
  readonly #whenEmpty: (() => void)[] = []
  #closed = false

  /** `maxConversions` at a time, running or waiting. */
  constructor(maxConversions: number) {
    this.#maxConversions = maxConversions
  }

  get admitted(): number {
    return this.#slots.size
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Throws HERALD_BUSY or HERALD_SHUTTING_DOWN. */
  enter(): Slot {
    if (this.#closed) {
      throw new HeraldError('HERALD_SHUTTING_DOWN', 'The server is about to stop.', {
        remedy: 'Try again in a moment.',
      })
    }
    if (this.#slots.size >= this.#maxConversions) {
      throw new HeraldError(
        'HERALD_BUSY',
        `The server is busy: ${this.#maxConversions} conversions are running or waiting.`,
        { remedy: 'Try again in a moment.' },
      )
    }
    const slot: Slot = {
      release: () => {
        if (!this.#slots.delete(slot) || this.#slots.size > 0) return
        for (const resolve of this.#whenEmpty.splice(0)) resolve()
      },
    }
    this.#slots.add(slot)
    return slot
  }

  /** Lets no further conversion in; resolves when the last one has ended. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#slots.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve))
  }
}
