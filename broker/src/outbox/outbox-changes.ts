import type { OutboxStore } from './outbox-store.js'

/** Waits for changes of the outbox, by any process. Begins to watch it with the first call. */
export class OutboxChanges {
  readonly #store: OutboxStore
  #stopWatching: (() => void) | undefined
  #next: Promise<void> | undefined
  #onChange = () => {}

  constructor(store: OutboxStore) {
    this.#store = store
  }

  /** Resolves after a write of any process, within 500 ms, and at `close`. */
  next(): Promise<void> {
    this.#stopWatching ??= this.#store.watch(() => this.#onChange())
    this.#next ??= new Promise((resolve) => {
      this.#onChange = () => {
        this.#next = undefined
        resolve()
      }
    })
    return this.#next
  }

  close(): void {
    this.#stopWatching?.()
    this.#onChange()
  }
}
