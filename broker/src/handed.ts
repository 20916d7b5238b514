import type { Logger } from '@herald/runtime'
import type { Published } from './broker.js'
import type { EntryRecord, Records } from './outbox-records.js'

/** What is not published by then is marked ready in the store. */
const markAfterMs = 100

/**
 * What is placed and goes to a relay of the same process without a second record, which would be a
 * sync before it could be published: still `prepared` in the store, where after a crash its files
 * tell that it is placed. Everybody else learns of it when it is published or, where that takes
 * longer, when it is marked ready.
 */
export class Handed {
  /** Whether a relay takes what is handed. */
  taken = false
  readonly #records: Records
  readonly #logger: Logger
  /** Each with when it came, in milliseconds of a clock that never goes back; the oldest first. */
  readonly #entries = new Map<string, { readonly record: EntryRecord; readonly at: number }>()
  readonly #acknowledged = new Map<string, readonly Published[]>()
  #timer: NodeJS.Timeout | undefined

  constructor(records: Records, logger: Logger) {
    this.#records = records
    this.#logger = logger
  }

  has(id: string): boolean {
    return this.#entries.has(id)
  }

  add(id: string, record: EntryRecord): void {
    this.#entries.set(id, { record, at: performance.now() })
    this.#timer ??= setTimeout(() => void this.#markOld(), markAfterMs)
  }

  /** Where it went, as long as the store does not know; undefined where it has not gone. */
  acknowledged(id: string): readonly Published[] | undefined {
    return this.#acknowledged.get(id)
  }

  acknowledge(id: string, published: readonly Published[]): void {
    this.#acknowledged.set(id, published)
  }

  /** The store knows more of it. */
  forget(id: string): void {
    this.#entries.delete(id)
    this.#acknowledged.delete(id)
  }

  /** No relay takes what is handed any more. Marks what it left. Does not reject. */
  async end(): Promise<void> {
    this.taken = false
    this.#acknowledged.clear()
    await this.markReady()
  }

  /** In the order of their ids. */
  entries(): [id: string, record: EntryRecord][] {
    const all = Array.from(this.#entries, ([id, { record }]): [string, EntryRecord] => [id, record])
    return all.sort(([a], [b]) => (a < b ? -1 : 1))
  }

  /** Marks all of them. Does not reject. */
  async markReady(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#mark([...this.#entries.keys()])
  }

  async #markOld(): Promise<void> {
    const since = performance.now() - markAfterMs
    const old = [...this.#entries].filter(([, { at }]) => at <= since)
    const marked = await this.#mark(old.map(([id]) => id))
    const [oldest] = this.#entries.values()
    this.#timer =
      marked && oldest ? setTimeout(() => void this.#markOld(), oldest.at - since) : undefined
  }

  /** Whether that went well. */
  async #mark(ids: readonly string[]): Promise<boolean> {
    if (ids.length === 0) return true
    try {
      await Promise.all(ids.map((id) => this.#records.markReady(id)))
      for (const id of ids) this.#entries.delete(id)
      this.#records.bell.ring()
      return true
    } catch (error) {
      this.#logger.warn({ err: error }, 'could not mark what is placed; its files tell')
      return false
    }
  }
}
