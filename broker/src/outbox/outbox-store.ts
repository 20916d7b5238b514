import type { Store } from '@herald/runtime/store'
import type { Message, PublishedPosition } from '../broker.js'
import { brokerKey } from '../broker-name.js'
import type { EntryState, OutboxEntry } from './outbox-entry.js'
import { migrateOutbox } from './outbox-migration.js'
import { PublishedEntries } from './published-entries.js'
import { openLeaseTable, RelayLease } from './relay-lease.js'
import { type EntryWithMessages, UnpublishedEntries } from './unpublished-entries.js'

const maxReturnedAtOnce = 500

/**
 * The entries of an outbox and every change of their state; each change is one transaction.
 *
 *     add ─▶ prepared ─ markReady ─▶ ready ─ recordPublished ─▶ published (7 days, 10,000 at most)
 *                                    │   ▲
 *        recordFailure with `untilMs`│   │returnSetAside
 *                                    ▼   │
 *                                  set aside
 *
 * `drop` removes an entry that is not published. Methods for ready entries see those to `broker`
 * alone; all others see the entries of all brokers.
 */
export class OutboxStore {
  readonly #store: Store
  readonly #brokerKey: string
  readonly #unpublished: UnpublishedEntries
  readonly #published: PublishedEntries
  readonly #leases
  /** Acknowledged by the broker, and not yet recorded: callers in this process need not wait for that. */
  readonly #acknowledged = new Map<string, readonly PublishedPosition[]>()

  private constructor(store: Store, broker: string) {
    this.#store = store
    this.#brokerKey = brokerKey(broker)
    this.#unpublished = new UnpublishedEntries(store, broker)
    this.#published = new PublishedEntries(store)
    this.#leases = openLeaseTable(store)
  }

  /** The outbox in that store, which `close` closes. Rejects with StoreError. */
  static async open(store: Store, broker: string): Promise<OutboxStore> {
    try {
      const outbox = new OutboxStore(store, broker)
      await migrateOutbox(store, broker, (entry, messages) =>
        outbox.#unpublished.add(entry, messages),
      )
      return outbox
    } catch (error) {
      await store.close()
      throw error
    }
  }

  get(id: string): OutboxEntry | undefined {
    const entry = this.#unpublished.get(id)
    const to = this.#acknowledged.get(id)
    if (entry && to) return toPublished(entry, to, Date.now())
    return entry ?? this.#published.get(id)
  }

  /** All that are not published, in the order of their ids. */
  *unpublished(): Generator<OutboxEntry> {
    for (const entry of this.#unpublished.all()) {
      if (!this.#acknowledged.has(entry.id)) yield entry
    }
  }

  /** The latest first. */
  published(): Generator<OutboxEntry> {
    return this.#published.latestFirst()
  }

  prepared(): Generator<OutboxEntry> {
    return this.#unpublished.prepared()
  }

  /** As UnpublishedEntries.countReady. */
  countReady(): number {
    return this.#unpublished.countReady()
  }

  /** As UnpublishedEntries.nextBatch. */
  nextBatch(blockedTopics: ReadonlySet<string>): EntryWithMessages[] {
    return this.#unpublished.nextBatch(blockedTopics)
  }

  add(entry: OutboxEntry, messages: readonly Message[]): Promise<void> {
    return this.#write(() => this.#unpublished.add(entry, messages))
  }

  /** Resolves to false if it is no longer prepared. */
  markReady(id: string): Promise<boolean> {
    return this.#changePrepared(id, { state: { kind: 'ready' }, lastError: undefined })
  }

  /** Records why an entry cannot be made ready. Resolves to false if it is no longer prepared. */
  recordWhyPrepared(id: string, lastError: string): Promise<boolean> {
    return this.#changePrepared(id, { lastError })
  }

  /** Removes an entry that is not published; with `kind` only in that state. Resolves to whether it did. */
  drop(id: string, kind?: EntryState['kind']): Promise<boolean> {
    return this.#write(() => {
      const entry = this.#unpublished.get(id)
      return (
        entry !== undefined &&
        entry.state.kind === (kind ?? entry.state.kind) &&
        this.#unpublished.remove(entry)
      )
    })
  }

  /** Makes entries ready that are set aside: those that are due, or all. */
  async returnSetAside(which: 'due' | 'all'): Promise<void> {
    const untilMs = which === 'due' ? Date.now() : Number.MAX_SAFE_INTEGER
    // Usually there is none, and a write would cost a sync.
    if (this.#unpublished.setAside(untilMs, 1).length === 0) return
    let returned: number
    do {
      returned = await this.#write(() => {
        const entries = this.#unpublished.setAside(untilMs, maxReturnedAtOnce)
        for (const entry of entries) {
          this.#unpublished.replace(entry, { ...entry, state: { kind: 'ready' } })
        }
        return entries.length
      })
    } while (returned === maxReturnedAtOnce)
  }

  /**
   * Records what the broker acknowledged, even if the lease was lost meanwhile: else it would be sent
   * again. Entries that were dropped meanwhile are skipped.
   */
  async recordPublished(
    lease: RelayLease,
    batch: readonly { readonly id: string; readonly to: readonly PublishedPosition[] }[],
  ): Promise<void> {
    for (const { id, to } of batch) this.#acknowledged.set(id, to)
    this.#store.bell.ring()
    try {
      await this.#write(() => {
        lease.renewIfHeldInWrite()
        const atMs = Date.now()
        const published = batch.flatMap(({ id, to }) => {
          const entry = this.#unpublished.get(id)
          return entry && this.#unpublished.remove(entry) ? [toPublished(entry, to, atMs)] : []
        })
        this.#published.add(published, atMs)
      })
    } finally {
      for (const { id } of batch) this.#acknowledged.delete(id)
    }
  }

  /** Counts a failed attempt of each; with `untilMs` sets them aside. Rejects with LeaseLost. */
  async recordFailure(
    lease: RelayLease,
    ids: readonly string[],
    lastError: string,
    untilMs?: number,
  ): Promise<void> {
    const state: EntryState =
      untilMs === undefined ? { kind: 'ready' } : { kind: 'set aside', untilMs }
    await this.#write(() => {
      lease.renewInWrite()
      for (const id of ids) {
        const entry = this.#unpublished.get(id)
        if (entry === undefined) continue
        this.#unpublished.replace(entry, {
          ...entry,
          state,
          attempts: entry.attempts + 1,
          lastError,
        })
      }
    })
  }

  acquireLease(): Promise<RelayLease | undefined> {
    return RelayLease.acquire(this.#store, this.#leases, this.#brokerKey)
  }

  /** Calls `onChange` after a change of any process, and every 500 ms. Returns a function that stops it. */
  watch(onChange: () => void): () => void {
    return this.#store.bell.listen(onChange, { pollMs: 500 })
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  async #write<T>(change: () => T): Promise<T> {
    const result = await this.#store.write(change)
    this.#store.bell.ring()
    return result
  }

  #changePrepared(id: string, change: Partial<OutboxEntry>): Promise<boolean> {
    return this.#write(() => {
      const entry = this.#unpublished.get(id)
      if (entry?.state.kind !== 'prepared') return false
      this.#unpublished.replace(entry, { ...entry, ...change })
      return true
    })
  }
}

function toPublished(
  entry: OutboxEntry,
  to: readonly PublishedPosition[],
  atMs: number,
): OutboxEntry {
  const state = { kind: 'published', atMs, to } as const
  return { ...entry, state, files: [], folders: {}, lastError: undefined }
}
