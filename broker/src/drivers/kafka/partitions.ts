import type { EachBatchPayload } from 'kafkajs'
import type { LanesOptions } from '../../lanes.js'
import { HeldPartition, type PartitionState } from './held-partition.js'
import { toLaneEvent } from './kafka-message.js'
import type { Assignment, Member } from './member.js'

/** The partitions a subscription holds. One that a rebalance leaves here keeps its state. */
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
    return this.#held.get(partition)?.isFetching ?? false
  }

  state(partition: number): PartitionState {
    const none = { nextOffset: undefined, committed: undefined, buffered: 0 }
    return this.#held.get(partition)?.state ?? none
  }

  /** The same member id as before means that no other member had the partitions in between. */
  assign(member: Member, { memberId, partitions }: Assignment): void {
    const isSameMember = memberId === this.#memberId
    this.#memberId = memberId
    this.#member = member
    for (const [partition, held] of this.#held) {
      if (partitions.includes(partition)) continue
      held.revoke()
      this.#held.delete(partition)
    }
    for (const partition of partitions) {
      const held = this.#held.get(partition)
      if (held === undefined) {
        this.#held.set(partition, new HeldPartition(this.#lanesOptions))
        // kafkajs remembers the pause of a partition that it had before.
        member.resumePartition(partition)
      } else if (!isSameMember) void held.drainAndRestart().then(() => this.refill())
      else if (held.nextFetchOffset !== undefined) member.seek(partition, held.nextFetchOffset)
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
    const { partition } = batch
    const taken =
      this.#held.get(partition)?.take({
        events: batch.messages.map((message) => toLaneEvent(batch, message)),
        nextOffset: BigInt(batch.lastOffset()) + 1n,
        highWatermark: BigInt(batch.highWatermark),
      }) ?? 'refused'
    if (taken !== 'refused') resolveOffset(batch.lastOffset())
    if (taken !== 'taken') member.pausePartition(partition)
  }

  /** Fetching continues at `nextOffset`: all events before it were fetched. */
  skipTo(partition: number, nextOffset: bigint): void {
    this.#held.get(partition)?.skipTo(nextOffset)
    this.#lanesOptions.onProgress?.()
  }

  /** Delivers everything from `offset` on and discards the partition's state. */
  restart(partition: number, offset: bigint): void {
    const held = this.#held.get(partition)
    if (held === undefined || this.#closing) return
    held.reset()
    this.#member?.resumePartition(partition)
    this.#member?.seek(partition, offset)
  }

  /** There may be room again: delivers what waits, and resumes fetching if nothing is left. */
  refill(): void {
    for (const [partition, held] of this.#held) {
      if (held.refill()) this.#member?.resumePartition(partition)
    }
  }

  /** The offsets to commit for the partitions held now. */
  due(): Map<number, bigint> {
    const due = new Map<number, bigint>()
    if (this.#member === undefined) return due
    for (const [partition, { due: offset }] of this.#held) {
      if (offset !== undefined) due.set(partition, offset)
    }
    return due
  }

  markCommitted(offsets: ReadonlyMap<number, bigint>): void {
    for (const [partition, offset] of offsets) this.#held.get(partition)?.markCommitted(offset)
  }

  /**
   * Records the group's offsets as Kafka has them (negative: none), as of the states `before`. Returns
   * the partitions whose offset has disappeared.
   */
  recordCommitted(
    before: ReadonlyMap<number, PartitionState>,
    committed: ReadonlyMap<number, bigint>,
  ): number[] {
    return this.ids.filter((partition) => {
      const known = before.get(partition)
      const offset = committed.get(partition)
      if (known === undefined || offset === undefined) return false
      return this.#held.get(partition)?.recordCommitted(known, offset)
    })
  }

  /** Starts no more handlers; waits up to `timeoutMs` for those at work. */
  async drain(timeoutMs: number): Promise<void> {
    this.#closing = true
    await Promise.all(
      [...this.#held].map(([partition, held]) => {
        this.#member?.pausePartition(partition)
        return held.drain(timeoutMs)
      }),
    )
  }
}
