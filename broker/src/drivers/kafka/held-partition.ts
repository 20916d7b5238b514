import { type LaneEvent, Lanes, type LanesOptions } from '../../lanes.js'

/** The state of a partition at one moment. */
export interface PartitionState {
  /** The next offset to deliver; undefined before the first fetch. */
  readonly nextOffset: bigint | undefined
  /** The group's offset as Kafka has it, once known. */
  readonly committed: bigint | undefined
  /** Events delivered or waiting here, and not acknowledged. */
  readonly buffered: number
}

/** What one fetch returned. */
export interface FetchedBatch {
  readonly events: readonly LaneEvent[]
  /** Where fetching continues: after the last event, and after control records that follow it. */
  readonly nextOffset: bigint
  /** The end of the log. */
  readonly highWatermark: bigint
}

/** How long handlers that an earlier membership started may delay the partition. */
const drainTimeoutMs = 5000

/**
 * A partition that the subscription holds: its lanes, what is fetched and waits for room, and the
 * offset to commit. It outlives a membership, so that events which Kafka delivers again after a
 * rebalance are not handled twice. Does no I/O: the caller pauses, resumes and seeks.
 */
export class HeldPartition {
  readonly #options: LanesOptions
  #lanes: Lanes
  #committed: bigint | undefined
  /** Where fetching continues. */
  #fetchOffset: bigint | undefined
  /** What was acknowledged under an earlier membership: committed until the lanes have an offset to commit. */
  #resumeOffset: bigint | undefined
  /** Fetched and not yet pushed: the buffer was full. */
  #pending: LaneEvent[] = []
  #paused = false
  /** Waits for handlers that an earlier membership started. */
  #draining = false
  #closed = false

  constructor(options: LanesOptions) {
    this.#options = options
    this.#lanes = new Lanes(options)
  }

  /** Whether it has room for what is fetched; if not, fetching is paused. */
  get isFetching(): boolean {
    return !this.#paused && this.#lanes.room > 0
  }

  get state(): PartitionState {
    const { position, buffered } = this.#lanes
    const nextOffset = this.#pending.length > 0 ? position : latest(position, this.#fetchOffset)
    return { nextOffset, committed: this.#committed, buffered }
  }

  /** Where to fetch from if Kafka begins again at the committed offset; undefined: there. */
  get nextFetchOffset(): bigint | undefined {
    const fetched = this.#pending.at(-1)?.offset
    return fetched === undefined ? this.state.nextOffset : fetched + 1n
  }

  /** The offset to commit; undefined if Kafka has it, or if there is none yet. */
  get due(): bigint | undefined {
    if (this.#draining) return undefined
    const acknowledged = this.#lanes.committable ?? this.#resumeOffset
    // Control records after the last event: committed too, or tools report a lag of 1.
    const offset =
      this.#lanes.allAcknowledged && this.#pending.length === 0
        ? latest(acknowledged, this.#fetchOffset)
        : acknowledged
    return offset === this.#committed ? undefined : offset
  }

  /** Returns `refused` if it took nothing, `full` if it has no room for more: pause fetching after both. */
  take({ events, nextOffset, highWatermark }: FetchedBatch): 'taken' | 'full' | 'refused' {
    if (this.#closed || this.#draining || this.#pending.length > 0) {
      this.#paused = true
      return 'refused'
    }
    const { position } = this.#lanes
    // The topic was deleted and created again: its offsets start at 0.
    if (position !== undefined && highWatermark < position) this.reset()
    const [first] = events
    const next = this.#lanes.position
    if (first !== undefined && next !== undefined && first.offset < next) {
      // An earlier membership acknowledged these, and the commit did not reach Kafka: commit again.
      this.#resumeOffset ??= this.#lanes.buffered === 0 ? next : undefined
    }
    this.#fetchOffset = nextOffset
    this.#pending = events.slice(this.#lanes.push(events))
    this.#paused = this.#pending.length > 0
    return this.#paused ? 'full' : 'taken'
  }

  /** No event before `nextOffset` is left to fetch. */
  skipTo(nextOffset: bigint): void {
    if (this.#draining || this.#pending.length > 0) return
    this.#fetchOffset = nextOffset
  }

  /** There may be room again. Returns true if fetching, which was paused, is to be resumed. */
  refill(): boolean {
    if (!this.#paused || this.#draining || this.#closed) return false
    this.#pending.splice(0, this.#lanes.push(this.#pending))
    this.#paused = this.#pending.length > 0
    return !this.#paused
  }

  markCommitted(offset: bigint): void {
    this.#committed = offset
    this.#lanes.markCommitted(offset)
  }

  /**
   * Records the group's offset as Kafka had it (negative: none) when `before` was the state; skipped if
   * it has changed since. Returns true if there was an offset and it has disappeared.
   */
  recordCommitted(before: PartitionState, offset: bigint): boolean {
    if (this.#committed !== before.committed) return false
    if (offset < 0n) return before.committed !== undefined && before.committed > 0n
    this.markCommitted(offset)
    return false
  }

  /** Discards its state and revokes its lanes: everything that is fetched from now on is delivered. */
  reset(): void {
    if (this.#closed) return
    this.#lanes.revoke()
    this.#begin(undefined)
    this.#committed = undefined
    this.#paused = false
  }

  /**
   * Another member may have had the partition: begins with new lanes once the handlers still at work have
   * ended, else one event could have two handlers at a time. Refill it then.
   */
  async drainAndRestart(): Promise<void> {
    const lanes = this.#lanes
    this.#pending = []
    this.#draining = true
    await lanes.drain(drainTimeoutMs)
    if (this.#lanes === lanes && !this.#closed) this.#begin(lanes.committable ?? this.#resumeOffset)
  }

  /** Starts no more handlers; waits up to `timeoutMs` for those at work. */
  drain(timeoutMs: number): Promise<void> {
    this.#closed = true
    return this.#lanes.drain(timeoutMs)
  }

  /** The partition is lost: aborts its handlers and ignores what they acknowledge. */
  revoke(): void {
    this.#closed = true
    this.#lanes.revoke()
  }

  #begin(from: bigint | undefined): void {
    this.#lanes = new Lanes(this.#options, from)
    this.#fetchOffset = undefined
    this.#resumeOffset = undefined
    this.#pending = []
    this.#draining = false
  }
}

function latest(one: bigint | undefined, other: bigint | undefined): bigint | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one > other ? one : other
}
