import type { Bell } from './bell.js'

/**
 * At most 1,978 bytes encoded. Numbers come before strings; an array is ordered by its parts and
 * follows the key that is its beginning. An array of one part is the same key as that part.
 */
export type StoreKey = string | number | boolean | Uint8Array | StoreKey[]

export interface Range<K extends StoreKey = StoreKey> {
  /** From here on, inclusive (with `reverse`: from here down). */
  start?: K
  /** Up to here, exclusive. */
  end?: K
  limit?: number
  reverse?: boolean
}

/**
 * A map ordered by key. Reads see the last commit of any process; inside `Store.write`, its own
 * writes. Values read are the caller's own: nothing changes them later.
 */
export interface Table<V, K extends StoreKey = StoreKey> {
  get(key: K): V | undefined
  /**
   * Entries in key order, read as they are taken; stop taking to stop reading. What is taken
   * without a turn of the event loop in between is one state of the table; after a turn it goes
   * on behind the last key in the then latest state. Entries may be put and removed on the way.
   */
  entries(range?: Range): Iterable<{ key: K; value: V }>
  /** Walks the range: its time grows with the number. */
  count(range?: Range): number
  /** Only inside `Store.write`. */
  put(key: K, value: V): void
  /** Only inside `Store.write`. Says whether it was there. */
  remove(key: K): boolean
}

/**
 * Ordered tables in one folder of a local disk, shared by the processes of one machine.
 * Never share one between containers or over a network: the lock is a futex in mapped memory.
 * Not for several threads of one process.
 */
export interface Store {
  /**
   * The table of that name (at most 32 per store), made when absent. `binary` keeps bytes as
   * they are, else values are MessagePack. Not inside `write`.
   */
  table<V, K extends StoreKey = StoreKey>(
    name: string,
    encoding?: 'msgpack' | 'binary',
  ): Table<V, K>
  /**
   * Runs `change` in one transaction, alone among all processes, and resolves to its result once
   * that is synced to disk. When `change` throws, nothing of it is kept and the call rejects with
   * what it threw; when the disk refuses, with StoreError. `change` is synchronous and calls no
   * `write`. Concurrent calls run in the order made and share a commit, each still atomic on its own.
   */
  write<T>(change: () => T): Promise<T>
  /** Tells every process that watches this store that there is something new. Ring after the commit. */
  readonly bell: Bell
  /** Waits for writes under way. Idempotent. What is called afterwards fails with STORE_CLOSED. */
  close(): Promise<void>
}
