import { Fifo } from './fifo.js'

/** An event by its offset. */
export interface WindowEntry {
  readonly offset: bigint
  acknowledged: boolean
}

/** Which events of one partition were taken and, in any order, acknowledged; which to commit. */
export class OffsetWindow {
  /** Taken, ascending, from the first that is not acknowledged. */
  readonly #entries = new Fifo<WindowEntry>()
  /** The offsets of those that may be committed and are not yet. */
  readonly #uncommitted = new Fifo<bigint>()
  #position: bigint | undefined
  #committable: bigint | undefined

  /** `from`: the offset to begin with, if it is known. */
  constructor(from: bigint | undefined) {
    this.#position = from
  }

  /** The offset after the last one taken; `from` before the first. */
  get position(): bigint | undefined {
    return this.#position
  }

  /** The next offset to commit: everything taken before it is acknowledged. Undefined before the first. */
  get committable(): bigint | undefined {
    return this.#committable
  }

  /** Entries from the first that is not acknowledged. */
  get length(): number {
    return this.#entries.length
  }

  /** Events that may be committed and are not yet. */
  get uncommitted(): number {
    return this.#uncommitted.length
  }

  wasTaken(offset: bigint): boolean {
    return this.#position !== undefined && offset < this.#position
  }

  /** Offsets are ascending; there may be gaps. */
  take(entry: WindowEntry): void {
    this.#position = entry.offset + 1n
    this.#entries.push(entry)
  }

  /** Returns how many more events may be committed. */
  acknowledge(entry: WindowEntry): number {
    entry.acknowledged = true
    const before = this.uncommitted
    while (this.#entries.peek()?.acknowledged) {
      const { offset } = this.#entries.shift() as WindowEntry
      this.#uncommitted.push(offset)
      this.#committable = offset + 1n
    }
    return this.uncommitted - before
  }

  /** The events before `offset` are committed. Returns how many were not before. */
  commit(offset: bigint): number {
    const before = this.uncommitted
    while ((this.#uncommitted.peek() ?? offset) < offset) this.#uncommitted.shift()
    return before - this.uncommitted
  }
}
