import type { RelayableOutbox } from './outbox.js'

/** What a relay waits on: the outbox' bell, a time, its own end. */
export class Wake {
  #ended = false
  #heard = false
  #wakeUp: ((ended: boolean) => void) | undefined
  readonly #stopListening: () => void

  constructor(outbox: RelayableOutbox) {
    this.#stopListening = outbox.listen(() => {
      this.#heard = true
      this.#wakeUp?.(false)
    })
  }

  get ended(): boolean {
    return this.#ended
  }

  /** What rings from here on counts as news. */
  reset(): void {
    this.#heard = false
  }

  /** Resolves when the bell rang since `reset`, or at the end. */
  async news(): Promise<void> {
    while (!this.#heard && !this.#ended) await this.#sleep()
    this.#heard = false
  }

  /** Resolves after `ms`, however often the bell rings, or at the end. */
  async pause(ms: number): Promise<void> {
    const timer = setTimeout(() => this.#wakeUp?.(true), ms)
    let over = false
    while (!over && !this.#ended) over = await this.#sleep()
    clearTimeout(timer)
  }

  end(): void {
    this.#ended = true
    this.#stopListening()
    this.#wakeUp?.(true)
  }

  #sleep(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#wakeUp = resolve
    })
  }
}
