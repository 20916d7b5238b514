import type { Store, Table } from '@herald/runtime/store'
import type { Message } from '../broker.js'
import type { OutboxEntry } from './outbox-entry.js'
import { OutboxIndex } from './outbox-index.js'

export interface EntryWithMessages {
  readonly entry: OutboxEntry
  readonly messages: readonly Message[]
}

const maxBatchBytes = 256 * 1024
const maxBatchMessages = 128

/** The entries that are not published, with their messages. `add`, `replace` and `remove` are called inside `Store.write`. */
export class UnpublishedEntries {
  readonly #entries: Table<OutboxEntry, string>
  /** Apart from the entries, so that reading an entry decodes no bodies. */
  readonly #messages: Table<readonly Message[], string>
  readonly #index: OutboxIndex

  /** Methods for ready entries see those to `broker` alone; all others see the entries of all brokers. */
  constructor(store: Store, broker: string) {
    this.#entries = store.table('outbox-entries')
    this.#messages = store.table('messages')
    this.#index = new OutboxIndex(store, broker)
  }

  get(id: string): OutboxEntry | undefined {
    return this.#entries.get(id)
  }

  /** In the order of their ids. */
  *all(): Generator<OutboxEntry> {
    for (const { value } of this.#entries.entries()) yield value
  }

  *prepared(): Generator<OutboxEntry> {
    for (const id of this.#index.prepared()) {
      const entry = this.#entries.get(id)
      if (entry?.state.kind === 'prepared') yield entry
    }
  }

  /** At most `limit` of those set aside until then, the earliest first. */
  setAside(untilMs: number, limit: number): OutboxEntry[] {
    return this.#index.setAside(untilMs, limit).flatMap((id) => this.#entries.get(id) ?? [])
  }

  /** Set aside or not. Takes time linear in their number. */
  countReady(): number {
    return this.#index.countReady()
  }

  /**
   * The oldest ready entries to one topic that is not in `blockedTopics`: at most 128 messages or
   * 256 KiB, at least one entry if there is any. Decodes no other messages.
   */
  nextBatch(blockedTopics: ReadonlySet<string>): EntryWithMessages[] {
    const batch: EntryWithMessages[] = []
    const topic = this.#index.topicOfOldest(blockedTopics)
    if (topic === undefined) return batch
    let bytes = 0
    let count = 0
    for (const id of this.#index.ready(topic)) {
      const entry = this.#entries.get(id)
      const messages = this.#messages.get(id)
      if (entry === undefined || messages === undefined) continue
      bytes += entry.bytes
      count += messages.length
      if (batch.length > 0 && (bytes > maxBatchBytes || count > maxBatchMessages)) break
      batch.push({ entry, messages })
    }
    return batch
  }

  add(entry: OutboxEntry, messages: readonly Message[]): void {
    this.#entries.put(entry.id, entry)
    this.#index.add(entry)
    this.#messages.put(entry.id, messages)
  }

  /** The messages stay. */
  replace(old: OutboxEntry, entry: OutboxEntry): void {
    this.#index.remove(old)
    this.#entries.put(entry.id, entry)
    this.#index.add(entry)
  }

  /** Returns whether it was there. */
  remove(entry: OutboxEntry): boolean {
    this.#index.remove(entry)
    this.#messages.remove(entry.id)
    return this.#entries.remove(entry.id)
  }
}
