import type { Store, StoreKey, Table } from '@herald/runtime/store'
import type { Message, PublishedPosition } from './broker.js'
import { brokerKey } from './broker-name.js'
import type { EntryState, OutboxEntry } from './outbox-entry.js'
import { migrateOutbox } from './outbox-migration.js'
import { openLeaseTable, RelayLease } from './relay-lease.js'

/** An entry to be published, with its messages. */
export interface ReadyEntry {
  readonly entry: OutboxEntry
  readonly messages: readonly Message[]
}

const maxBatchBytes = 256 * 1024
const maxBatchMessages = 128

const maxMovedAtOnce = 500
const keptPublishedMs = 7 * 24 * 3_600_000
const maxKeptPublished = 10_000
/** Counting walks all of them, which takes a millisecond of the one thread there is. */
const countPublishedEvery = 100

/** After every string that a topic or an id can be. */
const lastKey = '\uffff'

/**
 * The entries of an outbox and every change of their state; each change is one transaction.
 *
 *     add ─▶ prepared ─ markReady ─▶ ready ─ recordPublished ─▶ published (7 days, 10,000 at most)
 *                                    │   ▲
 *        recordFailure with `untilMs`│   │returnSetAside
 *                                    ▼   │
 *                                  set aside
 *
 * `drop` removes an entry that is not published. What concerns ready entries is about those to
 * `broker` alone; other entries are of all brokers.
 */
export class OutboxStore {
  readonly #store: Store
  readonly #broker: string
  /** Those not published. */
  readonly #entries: Table<OutboxEntry, string>
  /** Apart from the entries, so that looking at an entry decodes no bodies. */
  readonly #messages: Table<readonly Message[], string>
  /** An index of `#entries` by state: each entry is in it once. */
  readonly #index: Table<1>
  readonly #published: Table<OutboxEntry, string>
  readonly #leases
  /** What the broker has, while it is being recorded: those who wait in this process need not. */
  readonly #acknowledged = new Map<string, readonly PublishedPosition[]>()
  #uncounted = countPublishedEvery

  private constructor(store: Store, broker: string) {
    this.#store = store
    this.#broker = brokerKey(broker)
    this.#entries = store.table('outbox-entries')
    this.#messages = store.table('messages')
    this.#index = store.table('outbox-index')
    this.#published = store.table('outbox-published')
    this.#leases = openLeaseTable(store)
  }

  /** The outbox in that store, which it closes. Rejects with StoreError. */
  static async open(store: Store, broker: string): Promise<OutboxStore> {
    try {
      const outbox = new OutboxStore(store, broker)
      await migrateOutbox(store, broker, (entry, messages) => outbox.#add(entry, messages))
      return outbox
    } catch (error) {
      await store.close()
      throw error
    }
  }

  get(id: string): OutboxEntry | undefined {
    const entry = this.#entries.get(id)
    const to = this.#acknowledged.get(id)
    if (entry && to) return toPublished(entry, to, Date.now())
    return entry ?? this.#published.get(id)
  }

  /** All that are not published, in the order of their ids. */
  *unpublished(): Generator<OutboxEntry> {
    for (const { key, value } of this.#entries.entries()) {
      if (!this.#acknowledged.has(key)) yield value
    }
  }

  /** The latest first. */
  *published(): Generator<OutboxEntry> {
    for (const { value } of this.#published.entries({ reverse: true })) yield value
  }

  *prepared(): Generator<OutboxEntry> {
    for (const id of this.#idsIn(['prepared'])) {
      const entry = this.#entries.get(id)
      if (entry?.state.kind === 'prepared') yield entry
    }
  }

  /** Set aside or not. Walks the index. */
  countReady(): number {
    return (
      this.#index.count(within(['ready', this.#broker])) +
      this.#index.count(within(['set aside', this.#broker]))
    )
  }

  /**
   * The oldest ready entries to one topic that is not in `blockedTopics`: at most 128 messages or
   * 256 KiB, at least one entry if there is any. Decodes no other messages.
   */
  nextBatch(blockedTopics: ReadonlySet<string>): ReadyEntry[] {
    const batch: ReadyEntry[] = []
    const topic = this.#topicOfOldest(blockedTopics)
    if (topic === undefined) return batch
    let bytes = 0
    let count = 0
    for (const id of this.#idsIn(['ready', this.#broker, topic])) {
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

  add(entry: OutboxEntry, messages: readonly Message[]): Promise<void> {
    return this.#write(() => this.#add(entry, messages))
  }

  /** Resolves to false if it is not prepared any more. */
  markReady(id: string): Promise<boolean> {
    return this.#changePrepared(id, { state: { kind: 'ready' }, lastError: undefined })
  }

  /** Keeps why an entry cannot be made ready. Resolves to false if it is not prepared any more. */
  recordWhyPrepared(id: string, lastError: string): Promise<boolean> {
    return this.#changePrepared(id, { lastError })
  }

  /** Removes an entry that is not published, if `kind` is given only in that state. Resolves to whether it did. */
  drop(id: string, kind?: EntryState['kind']): Promise<boolean> {
    return this.#write(() => {
      const entry = this.#entries.get(id)
      return (
        entry !== undefined &&
        entry.state.kind === (kind ?? entry.state.kind) &&
        this.#remove(entry)
      )
    })
  }

  /** Makes ready what is set aside: what is due, or everything. */
  async returnSetAside(which: 'due' | 'all'): Promise<void> {
    const untilMs = which === 'due' ? Date.now() : Number.MAX_SAFE_INTEGER
    const range = { start: ['set aside', this.#broker], end: ['set aside', this.#broker, untilMs] }
    for (let more = true; more; ) {
      // Most often there is none: that is worth no transaction.
      const [first] = this.#index.entries({ ...range, limit: 1 })
      if (first === undefined) return
      more = await this.#write(() => {
        const due = [...this.#index.entries({ ...range, limit: maxMovedAtOnce })]
        for (const { key } of due) {
          const entry = this.#entries.get(idOf(key))
          if (entry) this.#replace(entry, { ...entry, state: { kind: 'ready' } })
        }
        return due.length === maxMovedAtOnce
      })
    }
  }

  /**
   * Records what the broker has, also after the lease was lost: left out, it would be sent twice.
   * What was dropped meanwhile is left out.
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
        for (const { id, to } of batch) {
          const entry = this.#entries.get(id)
          if (entry === undefined) continue
          this.#remove(entry)
          this.#published.put(id, toPublished(entry, to, atMs))
        }
        this.#prunePublished(batch.length, atMs)
      })
    } finally {
      for (const { id } of batch) this.#acknowledged.delete(id)
    }
  }

  /** Counts a failed attempt of each; with `untilMs` they are set aside. Rejects with LeaseLost. */
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
        const entry = this.#entries.get(id)
        if (entry === undefined) continue
        this.#replace(entry, { ...entry, state, attempts: entry.attempts + 1, lastError })
      }
    })
  }

  acquireLease(): Promise<RelayLease | undefined> {
    return RelayLease.acquire(this.#store, this.#leases, this.#broker)
  }

  /** Calls `onChange` after a change of any process, and every 500 ms. Returns what ends it. */
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
      const entry = this.#entries.get(id)
      if (entry?.state.kind !== 'prepared') return false
      this.#replace(entry, { ...entry, ...change })
      return true
    })
  }

  #add(entry: OutboxEntry, messages: readonly Message[]): void {
    this.#entries.put(entry.id, entry)
    this.#index.put(indexKey(entry), 1)
    this.#messages.put(entry.id, messages)
  }

  #replace(old: OutboxEntry, entry: OutboxEntry): void {
    this.#index.remove(indexKey(old))
    this.#entries.put(entry.id, entry)
    this.#index.put(indexKey(entry), 1)
  }

  #remove(entry: OutboxEntry): boolean {
    this.#index.remove(indexKey(entry))
    this.#messages.remove(entry.id)
    return this.#entries.remove(entry.id)
  }

  *#idsIn(prefix: StoreKey[]): Generator<string> {
    for (const { key } of this.#index.entries(within(prefix))) yield idOf(key)
  }

  #topicOfOldest(blockedTopics: ReadonlySet<string>): string | undefined {
    let oldest: { readonly topic: string; readonly id: string } | undefined
    const { start: first, end } = within(['ready', this.#broker])
    for (let start = first; ; ) {
      const [next] = this.#index.entries({ start, end, limit: 1 })
      if (next === undefined) return oldest?.topic
      const [, , topic = '', id = ''] = next.key as string[]
      const isOlder = oldest === undefined || id < oldest.id
      if (isOlder && !blockedTopics.has(topic)) oldest = { topic, id }
      start = ['ready', this.#broker, topic, lastKey]
    }
  }

  /** Removes the oldest, after `added` were put. */
  #prunePublished(added: number, nowMs: number): void {
    let excess = 0
    this.#uncounted += added
    if (this.#uncounted >= countPublishedEvery) {
      this.#uncounted = 0
      excess = this.#published.count() - (maxKeptPublished - countPublishedEvery)
    }
    // Ids begin with their time. Most often the first one stays.
    for (const { key, value } of this.#published.entries({ limit: maxMovedAtOnce })) {
      const { state } = value
      const isOld = state.kind !== 'published' || state.atMs <= nowMs - keptPublishedMs
      if (excess <= 0 && !isOld) return
      this.#published.remove(key)
      excess -= 1
    }
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

function indexKey({ id, state, broker, topic }: OutboxEntry): StoreKey[] {
  switch (state.kind) {
    case 'set aside':
      return ['set aside', brokerKey(broker), state.untilMs, id]
    case 'ready':
      return ['ready', brokerKey(broker), topic, id]
    default:
      return ['prepared', id]
  }
}

const idOf = (key: StoreKey) => (key as string[]).at(-1) as string

const within = (prefix: StoreKey[]) => ({ start: prefix, end: [...prefix, lastKey] })
