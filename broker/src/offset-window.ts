import { Fifo } from './fifo.js'

/** An event by its offset. */
export interface WindowEntry {
  readonly offset: bigint
  acknowledged: boolean
}

/** Which events of one partition were taken and, in any order, acknowledged; how far to commit. */
export class OffsetWindow {
  /** Taken, ascending, from the first that is not acknowledged. */
  readonly #entries = new Fifo<WindowEntry>()
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

  wasTaken(offset: bigint): boolean {
    return this.#position !== undefined && offset < this.#position
  }

  /** Offsets are ascending; there may be gaps. */
  take(entry: WindowEntry): void {
    this.#position = entry.offset + 1n
    this.#entries.push(entry)
  }

  /** Returns whether `committable` has moved. */
  acknowledge(entry: WindowEntry): boolean {
    entry.acknowledged = true
    let last: bigint | undefined
    while (this.#entries.peek()?.acknowledged) last = this.#entries.shift()?.offset
    if (last === undefined) return false
    this.#committable = last + 1n
    return true
  }
}
