interface RangeLike {
  start?: unknown
  end?: unknown
  limit?: number
  reverse?: boolean
}

/**
 * The cursors that stand open, each on a snapshot: while a snapshot is read, the file cannot
 * reuse the pages freed since and grows. So none outlives its turn of the event loop or its write.
 */
export class OpenCursors {
  #writing = false
  #closers = new Set<() => void>()
  #scheduled = false

  /** Whether a change is being run: reads then see its own writes. */
  get writing(): boolean {
    return this.#writing
  }

  /** Runs `change`; a cursor of before sees nothing of it, one of within must not survive it. */
  duringWrite<T>(change: () => T): T {
    this.release()
    this.#writing = true
    try {
      return change()
    } finally {
      // LMDB frees a writer's cursors at its end; touched later, they crash the process.
      this.release()
      this.#writing = false
    }
  }

  /** Calls `close` at the end of this turn or write, unless what it returns is called before. */
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

/** Walks a range over as many cursors as it takes; each goes on behind the last key. */
export function* readEntries<K, V>(
  open: (part: RangeLike & { exclusiveStart?: boolean }) => Iterator<{ key: K; value: V }>,
  { limit = Number.POSITIVE_INFINITY, ...range }: RangeLike,
  cursors: OpenCursors,
): Generator<{ key: K; value: V }, void, undefined> {
  let cursor: Iterator<{ key: K; value: V }> | undefined
  let letGo: (() => void) | undefined
  const close = () => {
    cursor?.return?.()
    cursor = undefined
  }
  let rest: RangeLike & { exclusiveStart?: boolean } = range
  try {
    for (let taken = 0; taken < limit; taken += 1) {
      if (!cursor) {
        cursor = open(rest)
        letGo = cursors.hold(close)
      }
      const next = cursor.next()
      if (next.done) return
      rest = { ...range, start: next.value.key, exclusiveStart: true }
      yield next.value
    }
  } finally {
    letGo?.()
    close()
  }
}
