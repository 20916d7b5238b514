import type { EachBatchPayload } from 'kafkajs'
import { type LaneEvent, Lanes, type LanesOptions } from '../../lanes.js'
import { toLaneEvent } from './kafka-message.js'
import type { Assignment, Member } from './member.js'

interface HeldPartition {
  readonly lanes: Lanes
  /** The group's offset as the broker has it, once known. */
  committed: bigint | undefined
  /** Where fetching continues: after the control records that follow the last event, if there are any. */
  fetchOffset: bigint | undefined
  /** What was acknowledged under an earlier membership: committed until the lanes have an offset to commit. */
  resumeOffset: bigint | undefined
  /** Fetched and not yet pushed: the buffer was full. */
  pending: LaneEvent[]
  /** kafkajs does not fetch from this partition. */
  paused: boolean
  /** Waits for handlers that an earlier membership started. */
  draining: boolean
}

/** The state of a partition at one moment. */
export interface PartitionState {
  /** The next offset to deliver; undefined before the first fetch. */
  readonly nextOffset: bigint | undefined
  readonly committed: bigint | undefined
  /** Events delivered or waiting here, and not acknowledged. */
  readonly buffered: number
}

/** How long handlers that an earlier membership started may delay their partition. */
const drainTimeoutMs = 5000

/**
 * The partitions a subscription holds, each with its lanes. A partition that a rebalance leaves here
 * keeps its lanes, so that events which kafkajs delivers again are not handled twice.
 */
export class Partitions {
  readonly #lanesOptions: LanesOptions
  readonly #held = new Map<number, HeldPartition>()
  #memberId: string | undefined
  #member: Member | undefined
  #closing = false

  constructor(lanesOptions: LanesOptions) {
    this.#lanesOptions = lanesOptions
  }

  get ids(): number[] {
    return [...this.#held.keys()].sort((a, b) => a - b)
  }

  /** Whether kafkajs should be fetching from this partition now. */
  isFetching(partition: number): boolean {
    const held = this.#held.get(partition)
    return held !== undefined && !held.paused && held.lanes.room > 0
  }

  state(partition: number): PartitionState {
    const held = this.#held.get(partition)
    if (held === undefined) return { nextOffset: undefined, committed: undefined, buffered: 0 }
    const { lanes, pending, fetchOffset, committed } = held
    const nextOffset = pending.length > 0 ? lanes.position : latest(lanes.position, fetchOffset)
    return { nextOffset, committed, buffered: lanes.buffered }
  }

  /** The same member id as before means that no other member had the partitions in between. */
  assign(member: Member, { memberId, partitions }: Assignment): void {
    const isSameMember = memberId === this.#memberId
    this.#memberId = memberId
    this.#member = member
    for (const [partition, held] of this.#held) {
      if (partitions.includes(partition)) continue
      held.lanes.revoke()
      this.#held.delete(partition)
    }
    for (const partition of partitions) {
      const held = this.#held.get(partition)
      if (held === undefined) {
        this.#startLanes(partition, undefined)
        // kafkajs remembers the pause of a partition that it had before.
        member.resumePartition(partition)
      } else if (!isSameMember) this.#restartLanes(partition, held)
      else {
        const fetched = held.pending.at(-1)?.offset
        const next = fetched === undefined ? this.state(partition).nextOffset : fetched + 1n
        if (next !== undefined) member.seek(partition, next)
      }
    }
  }

  /** The membership has ended. Handlers may finish: usually the partitions come back. */
  unassign(): void {
    this.#memberId = undefined
    this.#member = undefined
  }

  /** Pushes a fetched batch; pauses the partition if not all of it fits. */
  pushFetched(member: Member, { batch, resolveOffset, isStale }: EachBatchPayload): void {
    // It was fetched before a seek.
    if (isStale()) return
    let held = this.#held.get(batch.partition)
    if (this.#closing || held === undefined || held.draining || held.pending.length > 0) {
      member.pausePartition(batch.partition)
      if (held !== undefined) held.paused = true
      return
    }
    const { position } = held.lanes
    if (position !== undefined && BigInt(batch.highWatermark) < position) {
      // The topic was deleted and created again: its offsets start at 0.
      held.lanes.revoke()
      held = this.#startLanes(batch.partition, undefined)
    }
    const events = batch.messages.map((message) => toLaneEvent(batch, message))
    const [first] = events
    const next = held.lanes.position
    if (first !== undefined && next !== undefined && first.offset < next) {
      // An earlier membership acknowledged these, and the commit did not reach Kafka: commit again.
      held.resumeOffset ??= held.lanes.buffered === 0 ? next : undefined
    }
    resolveOffset(batch.lastOffset())
    held.fetchOffset = BigInt(batch.lastOffset()) + 1n
    held.pending = events.slice(held.lanes.push(events))
    if (held.pending.length === 0) return
    held.paused = true
    member.pausePartition(batch.partition)
  }

  /** Fetching continues at `nextOffset`: all events before it were fetched. */
  skipTo(partition: number, nextOffset: bigint): void {
    const held = this.#held.get(partition)
    if (held === undefined || held.draining || held.pending.length > 0) return
    held.fetchOffset = nextOffset
    this.#lanesOptions.onProgress?.()
  }

  /** Delivers everything from `offset` on and discards the partition's state. */
  restart(partition: number, offset: bigint): void {
    const held = this.#held.get(partition)
    if (held === undefined || this.#closing) return
    held.lanes.revoke()
    this.#startLanes(partition, undefined)
    this.#member?.resumePartition(partition)
    this.#member?.seek(partition, offset)
  }

  /** There may be room again: pushes pending events, and resumes fetching if none are left. */
  refill(): void {
    if (this.#closing) return
    for (const [partition, held] of this.#held) {
      if (!held.paused || held.draining) continue
      const { room } = held.lanes
      if (held.pending.length > 0 && room > 0) {
        const taken = held.lanes.push(held.pending.slice(0, room))
        held.pending = held.pending.slice(taken)
      }
      if (held.pending.length > 0) continue
      held.paused = false
      this.#member?.resumePartition(partition)
    }
  }

  /** The offsets to commit for the partitions held now. */
  due(): Map<number, bigint> {
    const due = new Map<number, bigint>()
    if (this.#member === undefined) return due
    for (const [partition, held] of this.#held) {
      if (held.draining) continue
      const { lanes, resumeOffset, fetchOffset, pending } = held
      const acknowledged = lanes.committable ?? resumeOffset
      // Control records after the last event: committed too, or tools report a lag of 1.
      const offset =
        lanes.allAcknowledged && pending.length === 0
          ? latest(acknowledged, fetchOffset)
          : acknowledged
      if (offset !== undefined && offset !== held.committed) due.set(partition, offset)
    }
    return due
  }

  markCommitted(offsets: ReadonlyMap<number, bigint>): void {
    for (const [partition, offset] of offsets) {
      const held = this.#held.get(partition)
      if (held !== undefined) held.committed = offset
    }
  }

  /**
   * Records the group's offsets as Kafka has them (negative: none). Returns the partitions whose
   * offset has disappeared. `before`: the state when the request was made; partitions that have
   * changed since are skipped.
   */
  recordCommitted(
    before: ReadonlyMap<number, PartitionState>,
    committed: ReadonlyMap<number, bigint>,
  ): number[] {
    const removed: number[] = []
    for (const [partition, held] of this.#held) {
      const offset = committed.get(partition)
      const known = before.get(partition)
      if (offset === undefined || known === undefined || held.committed !== known.committed)
        continue
      if (offset >= 0n) held.committed = offset
      else if (known.committed !== undefined && known.committed > 0n) removed.push(partition)
    }
    return removed
  }

  /** Starts no more handlers; waits up to `timeoutMs` for those at work. */
  async drain(timeoutMs: number): Promise<void> {
    this.#closing = true
    await Promise.all(
      [...this.#held].map(([partition, held]) => {
        this.#member?.pausePartition(partition)
        return held.lanes.drain(timeoutMs)
      }),
    )
  }

  #startLanes(partition: number, from: bigint | undefined): HeldPartition {
    const lanes = new Lanes(this.#lanesOptions, from)
    const held: HeldPartition = {
      lanes,
      committed: undefined,
      fetchOffset: undefined,
      resumeOffset: undefined,
      pending: [],
      paused: false,
      draining: false,
    }
    this.#held.set(partition, held)
    return held
  }

  /** For a new membership, once the handlers still at work have ended: else one event could have two handlers at a time. */
  #restartLanes(partition: number, earlier: HeldPartition): void {
    const draining: HeldPartition = { ...earlier, pending: [], draining: true }
    this.#held.set(partition, draining)
    void earlier.lanes.drain(drainTimeoutMs).then(() => {
      if (this.#held.get(partition) !== draining || this.#closing) return
      const from = earlier.lanes.committable ?? earlier.resumeOffset
      const held = this.#startLanes(partition, from)
      held.committed = draining.committed
      held.paused = draining.paused
      this.refill()
    })
  }
}

function latest(one: bigint | undefined, other: bigint | undefined): bigint | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one > other ? one : other
}
