import type { EachBatchPayload } from 'kafkajs'
import { type LaneRecord, Lanes, type LanesOptions } from '../../lanes.js'
import { asLaneRecord } from './lane-record.js'
import type { Assignment, Member } from './member.js'

interface Held {
  readonly lanes: Lanes
  committed: bigint | undefined
  /** To be committed before the lanes have anything: acknowledged under an earlier membership. */
  floor: bigint | undefined
  /** Fetched, and not taken yet for want of room. */
  rest: LaneRecord[]
  /** Paused with kafkajs: there is a rest, or handlers of an earlier membership finish. */
  paused: boolean
  finishing: boolean
}

/** How long the handlers of a lost membership may finish before their partition goes on. */
const finishMs = 5000

/**
 * The partitions a subscription holds, each with its lanes; kept over a rebalance that leaves them
 * here, so that what kafkajs delivers again is known and not handled twice.
 */
export class Partitions {
  readonly #lanesOptions: LanesOptions
  readonly #held = new Map<number, Held>()
  #memberId: string | undefined
  #member: Member | undefined
  #closing = false

  constructor(lanesOptions: LanesOptions) {
    this.#lanesOptions = lanesOptions
  }

  get ids(): number[] {
    return [...this.#held.keys()].sort((a, b) => a - b)
  }

  /** Events wait and none can be taken: no stall, but a bound that holds. */
  isWaiting(partition: number): boolean {
    const held = this.#held.get(partition)
    return held === undefined || held.paused || held.lanes.room === 0
  }

  /** The next offset to be fetched, and the events taken and not acknowledged. */
  state(partition: number): { position: bigint | undefined; buffered: number } {
    const lanes = this.#held.get(partition)?.lanes
    return { position: lanes?.position, buffered: lanes?.buffered ?? 0 }
  }

  /** A member id that stays means that nobody else had our partitions in between. */
  assign(member: Member, { memberId, partitions }: Assignment): void {
    const stayed = memberId === this.#memberId
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
        this.#begin(partition, undefined)
        // kafkajs keeps the pause of a partition that went away, for when it comes back.
        member.resumePartition(partition)
      } else if (!stayed) this.#beginAgain(partition, held)
      else {
        const fetched = held.rest.at(-1)?.offset
        const next = fetched === undefined ? held.lanes.position : fetched + 1n
        if (next !== undefined) member.seek(partition, next)
      }
    }
  }

  /** The membership is over, but our handlers may finish: most often we get the partitions back. */
  unassign(): void {
    this.#memberId = undefined
    this.#member = undefined
  }

  take(member: Member, { batch, resolveOffset }: EachBatchPayload): void {
    let held = this.#held.get(batch.partition)
    if (this.#closing || held === undefined || held.finishing || held.rest.length > 0) {
      member.pausePartition(batch.partition)
      if (held !== undefined) held.paused = true
      return
    }
    const { position } = held.lanes
    if (position !== undefined && BigInt(batch.highWatermark) < position) {
      // The topic was deleted and made again: its offsets begin anew.
      held.lanes.revoke()
      held = this.#begin(batch.partition, undefined)
    }
    const records = batch.messages.map((message) => asLaneRecord(batch, message))
    const [first] = records
    const known = held.lanes.position
    if (first !== undefined && known !== undefined && first.offset < known) {
      held.floor ??= held.lanes.buffered === 0 ? known : undefined
    }
    resolveOffset(batch.lastOffset())
    held.rest = records.slice(held.lanes.push(records))
    if (held.rest.length === 0) return
    held.paused = true
    member.pausePartition(batch.partition)
  }

  /** There may be room again: takes what is fetched already, and has more fetched where nothing is. */
  refill(): void {
    if (this.#closing) return
    for (const [partition, held] of this.#held) {
      if (!held.paused || held.finishing) continue
      const { room } = held.lanes
      if (held.rest.length > 0 && room > 0) {
        const taken = held.lanes.push(held.rest.slice(0, room))
        held.rest = held.rest.slice(taken)
      }
      if (held.rest.length > 0) continue
      held.paused = false
      this.#member?.resumePartition(partition)
    }
  }

  /** What is to be committed for the partitions that are ours now. */
  due(): Map<number, bigint> {
    const due = new Map<number, bigint>()
    if (this.#member === undefined) return due
    for (const [partition, held] of this.#held) {
      if (held.finishing) continue
      const offset = held.lanes.committable ?? held.floor
      if (offset !== undefined && offset !== held.committed) due.set(partition, offset)
    }
    return due
  }

  committed(offsets: ReadonlyMap<number, bigint>): void {
    for (const [partition, offset] of offsets) {
      const held = this.#held.get(partition)
      if (held !== undefined) held.committed = offset
    }
  }

  /** Takes no more; waits for the handlers at work. */
  async drain(timeoutMs: number): Promise<void> {
    this.#closing = true
    await Promise.all(
      [...this.#held].map(([partition, held]) => {
        this.#member?.pausePartition(partition)
        return held.lanes.drain(timeoutMs)
      }),
    )
  }

  #begin(partition: number, from: bigint | undefined): Held {
    const lanes = new Lanes(this.#lanesOptions, from)
    const held: Held = {
      lanes,
      committed: undefined,
      floor: undefined,
      rest: [],
      paused: false,
      finishing: false,
    }
    this.#held.set(partition, held)
    return held
  }

  /** The same partition in a new membership: after the handlers still at work, or they would be two. */
  #beginAgain(partition: number, earlier: Held): void {
    const waiting: Held = { ...earlier, committed: undefined, rest: [], finishing: true }
    this.#held.set(partition, waiting)
    void earlier.lanes.drain(finishMs).then(() => {
      if (this.#held.get(partition) !== waiting || this.#closing) return
      const held = this.#begin(partition, earlier.lanes.committable ?? earlier.floor)
      held.paused = waiting.paused
      this.refill()
    })
  }
}
