/** How a job waits: those of high priority first; one that runs alone before all others. */
export type TurnKind = 'alone' | 'high' | 'normal'

interface Waiting {
  start(): void
  reject(error: unknown): void
}

/** So many jobs of high priority are taken before one of the others that wait. */
const maxHighInRow = 4

/**
 * Lets `max` jobs run at a time. A job that runs alone waits until no other runs, and none is started
 * meanwhile: if it kills the worker, it costs no other job an attempt.
 */
export class Turns {
  readonly #max: number
  readonly #waiting: Record<TurnKind, Waiting[]> = { alone: [], high: [], normal: [] }
  #running = 0
  #isAlone = false
  #highInRow = 0
  #closed: Error | undefined

  constructor(max: number) {
    this.#max = max
  }

  get running(): number {
    return this.#running
  }

  /** Runs `work` when its turn comes. Rejects with the signal's reason if that is aborted before. */
  async run<T>(kind: TurnKind, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#take(kind, signal)
    try {
      return await work()
    } finally {
      this.#running -= 1
      this.#isAlone = false
      this.#startNext()
    }
  }

  /** Rejects those that wait, and all later ones, with `error`. */
  close(error: Error): void {
    this.#closed = error
    for (const queue of Object.values(this.#waiting)) {
      for (const entry of queue.splice(0)) entry.reject(error)
    }
  }

  #take(kind: TurnKind, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw this.#closed
      signal.throwIfAborted()
      const queue = this.#waiting[kind]
      const settle = (act: () => void) => {
        signal.removeEventListener('abort', abort)
        act()
      }
      const entry: Waiting = {
        start: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      }
      const abort = () => {
        queue.splice(queue.indexOf(entry), 1)
        entry.reject(signal.reason)
        this.#startNext()
      }
      signal.addEventListener('abort', abort)
      queue.push(entry)
      this.#startNext()
    })
  }

  #startNext(): void {
    while (!this.#isAlone && this.#running < this.#max) {
      const kind = this.#nextKind()
      if (kind === undefined || (kind === 'alone' && this.#running > 0)) return
      this.#isAlone = kind === 'alone'
      this.#highInRow = kind === 'high' ? this.#highInRow + 1 : 0
      this.#running += 1
      this.#waiting[kind].shift()?.start()
    }
  }

  #nextKind(): TurnKind | undefined {
    const { alone, high, normal } = this.#waiting
    if (alone.length > 0) return 'alone'
    if (high.length > 0 && (normal.length === 0 || this.#highInRow < maxHighInRow)) return 'high'
    return normal.length > 0 ? 'normal' : undefined
  }
}
