import type { Bell } from './bell.js'

/**
 * At most 1,978 bytes encoded. Numbers sort before strings; an array sorts by its elements, after a
 * key that is a prefix of it. An array of one element is the same key as that element.
 */
export type StoreKey = string | number | boolean | Uint8Array | StoreKey[]

export interface Range<K extends StoreKey = StoreKey> {
  /** The first key, inclusive (with `reverse` the highest). */
  start?: K
  /** The last key, exclusive. */
  end?: K
  limit?: number
  reverse?: boolean
}

/**
 * A map ordered by key. Reads see the last commit of any process; inside `Store.write` also its own
 * writes. Values that were read are copies: later writes do not change them.
 */
export interface Table<V, K extends StoreKey = StoreKey> {
  get(key: K): V | undefined
  /**
   * Entries in key order, read lazily. Within one turn of the event loop they are one snapshot of
   * the table; in a later turn the iteration continues after the last key in the then latest state.
   * Entries may be put and removed meanwhile.
   */
  entries(range?: Range): Iterable<{ key: K; value: V }>
  /** Walks the range: takes time linear in the number of entries. */
  count(range?: Range): number
  /** Only inside `Store.write`. */
  put(key: K, value: V): void
  /** Only inside `Store.write`. Returns whether it was there. */
  remove(key: K): boolean
}

/**
 * Ordered tables in one folder of a local disk, shared by the processes of one machine.
 * Do not share it between containers or over a network: the lock is a futex in mapped memory. Use it
 * from only one thread of a process.
 */
export interface Store {
  /**
   * The table of that name (at most 32 per store), created if absent. With `binary` values are
   * bytes, else they are stored as MessagePack. Not inside `write`.
   */
  table<V, K extends StoreKey = StoreKey>(
    name: string,
    encoding?: 'msgpack' | 'binary',
  ): Table<V, K>
  /**
   * Runs `change` in one transaction, exclusively among all processes, and resolves to its result
   * once it is synced to disk. If `change` throws, it is rolled back and the call rejects with that
   * error; if the disk fails, with StoreError. `change` is synchronous and does not call `write`.
   * Concurrent calls run in order and share a commit; each is still atomic.
   */
  write<T>(change: () => T): Promise<T>
  /** Rung after a commit, it wakes the processes that wait for a change of this store. */
  readonly bell: Bell
  /** Waits for pending writes. Idempotent. Later calls fail with STORE_CLOSED. */
  close(): Promise<void>
}
