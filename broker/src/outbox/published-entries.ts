import type { Store, Table } from '@herald/runtime/store'
import type { OutboxEntry } from './outbox-entry.js'

const keptMs = 7 * 24 * 3_600_000
const maxKept = 10_000
const maxRemovedAtOnce = 500
/** Counting walks all entries, which blocks the event loop for a millisecond. */
const countEvery = 100

/** The published entries of the last 7 days, 10,000 at most. */
export class PublishedEntries {
  readonly #entries: Table<OutboxEntry, string>
  #addedSinceCount = countEvery

  constructor(store: Store) {
    this.#entries = store.table('outbox-published')
  }

  get(id: string): OutboxEntry | undefined {
    return this.#entries.get(id)
  }

  *latestFirst(): Generator<OutboxEntry> {
    for (const { value } of this.#entries.entries({ reverse: true })) yield value
  }

  /** Adds entries, and removes those that are too old or too many. Inside `Store.write`. */
  add(entries: readonly OutboxEntry[], nowMs: number): void {
    for (const entry of entries) this.#entries.put(entry.id, entry)
    let excess = 0
    this.#addedSinceCount += entries.length
    if (this.#addedSinceCount >= countEvery) {
      this.#addedSinceCount = 0
      excess = this.#entries.count() - (maxKept - countEvery)
    }
    // Ids begin with their time: if the first one stays, all do.
    for (const { key, value } of this.#entries.entries({ limit: maxRemovedAtOnce })) {
      const { state } = value
      const isOld = state.kind !== 'published' || state.atMs <= nowMs - keptMs
      if (excess <= 0 && !isOld) return
      this.#entries.remove(key)
      excess -= 1
    }
  }
}
