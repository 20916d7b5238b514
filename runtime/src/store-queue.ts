import { setTimeout as pass } from 'node:timers/promises'
import type { StoreGate } from './store-gate.js'
import type { LockWatch } from './store-lock.js'

interface Waiting {
  /** Commits a change, calling `enter` once it has its turn: false means to keep nothing. */
  readonly commit: (enter: () => boolean) => Promise<unknown>
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
}

/** Writes in the order made; all that wait when the ones before are done share a commit. */
export class WriteQueue {
  readonly #gate: StoreGate
  readonly #watch: LockWatch
  #waiting: Waiting[] = []
  #draining: Promise<void> | undefined

  constructor(gate: StoreGate, watch: LockWatch) {
    this.#gate = gate
    this.#watch = watch
  }

  add<T>(commit: (enter: () => boolean) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ commit, resolve, reject })
      this.#draining ??= this.#drain()
    })
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#draining) await this.#draining
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      const refused = await this.#commitTogether(batch)
      if (refused.length === 0) continue
      this.#waiting.unshift(...refused)
      await pass(1)
    }
    // In the same breath as the look at what waits: nothing may be added in between.
    this.#draining = undefined
  }

  /** Resolves to those that must come again: once one is refused, so are all behind it. */
  async #commitTogether(batch: readonly Waiting[]): Promise<Waiting[]> {
    let inside: boolean | undefined
    const enter = () => {
      if (inside === undefined) {
        this.#watch.tookTurn()
        inside = this.#gate.enter()
      }
      return inside
    }
    const refused: Waiting[] = []
    this.#watch.began()
    try {
      await Promise.all(
        batch.map(async (waiting) => {
          try {
            const result = await waiting.commit(enter)
            waiting.resolve(result as never)
          } catch (error) {
            if (error === gateIsClosed) refused.push(waiting)
            else waiting.reject(error)
          }
        }),
      )
    } finally {
      if (inside) this.#gate.leave()
      this.#watch.ended()
    }
    return refused
  }
}

/** What `commit` rejects with when `enter` said no. */
export const gateIsClosed = Symbol('the gate is closed')
