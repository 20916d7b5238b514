interface RangeLike {
  start?: unknown
  end?: unknown
  limit?: number
  reverse?: boolean
}

/**
 * The open cursors. Each holds a snapshot, and while a snapshot is open the file cannot reuse the
 * pages freed since and grows. So every cursor is closed at the end of its turn of the event loop
 * or of its write.
 */
export class OpenCursors {
  #writing = false
  #closers = new Set<() => void>()
  #scheduled = false

  /** Whether a write is running: reads then see its changes. */
  get writing(): boolean {
    return this.#writing
  }

  /** Runs `change`. Closes all cursors before and after it. */
  duringWrite<T>(change: () => T): T {
    this.release()
    this.#writing = true
    try {
      return change()
    } finally {
      // LMDB frees a writer's cursors at its end; using one later crashes the process.
      this.release()
      this.#writing = false
    }
  }

  /** Calls `close` at the end of this turn or write, unless the returned function is called before. */
  hold(close: () => void): () => void {
    this.#closers.add(close)
    if (!this.#writing && !this.#scheduled) {
      this.#scheduled = true
      setImmediate(() => {
        this.#scheduled = false
        this.release()
      })
    }
    return () => this.#closers.delete(close)
  }

  release(): void {
    const closers = this.#closers
    this.#closers = new Set()
    for (const close of closers) close()
  }
}

/** Reads a range with as many cursors as needed; each continues after the last key. */
export function* readEntries<K, V>(
  open: (part: RangeLike & { exclusiveStart?: boolean }) => Iterator<{ key: K; value: V }>,
  { limit = Number.POSITIVE_INFINITY, ...range }: RangeLike,
  cursors: OpenCursors,
): Generator<{ key: K; value: V }, void, undefined> {
  let cursor: Iterator<{ key: K; value: V }> | undefined
  let unhold: (() => void) | undefined
  const close = () => {
    cursor?.return?.()
    cursor = undefined
  }
  let rest: RangeLike & { exclusiveStart?: boolean } = range
  try {
    for (let taken = 0; taken < limit; taken += 1) {
      if (!cursor) {
        cursor = open(rest)
        unhold = cursors.hold(close)
      }
      const next = cursor.next()
      if (next.done) return
      rest = { ...range, start: next.value.key, exclusiveStart: true }
      yield next.value
    }
  } finally {
    unhold?.()
    close()
  }
}
