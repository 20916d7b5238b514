import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import type { NatsConnection } from '@nats-io/transport-node'
import { CommitLoop } from '../../commit-loop.js'
import { type LaneEvent, Lanes, type LanesOptions } from '../../lanes.js'
import type { Lease, Leases } from './leases.js'
import { toLaneEvent } from './nats-message.js'
import { Reader } from './reader.js'
import type { NatsTopic } from './topics.js'

export interface HeldPartitionOptions {
  readonly nats: NatsConnection
  readonly topicName: string
  readonly topic: NatsTopic
  readonly partition: number
  readonly leases: Leases
  readonly lease: Lease
  readonly lanes: Omit<LanesOptions, 'onProgress'>
  readonly timeoutMs: number
  readonly logger: Logger
  /** Another member has it, or has had it meanwhile. */
  readonly onLost: () => void
  readonly onMissing: () => Promise<unknown>
}

const commitEveryMs = 50
const retryMs = 300

/** A partition whose lease this member has: reads it, and commits what is acknowledged. */
export class HeldPartition {
  readonly #options: HeldPartitionOptions
  readonly #reader: Reader
  #lease: Lease
  #lanes: Lanes
  /** Fetched, and not yet taken by the lanes. */
  #waiting: LaneEvent[] = []
  readonly #commits: CommitLoop
  /** Writes of the lease, one after the other: each needs the revision of the one before. */
  #writing: Promise<unknown> = Promise.resolve()
  #commitFails = false
  #state: 'held' | 'releasing' | 'gone' = 'held'

  constructor(options: HeldPartitionOptions) {
    this.#options = options
    this.#lease = options.lease
    this.#lanes = this.#createLanes(options.lease.next)
    this.#commits = new CommitLoop({
      everyMs: commitEveryMs,
      retryMs,
      isDue: () => this.#state === 'held' && this.#due !== this.#lease.next,
      isUrgent: () => options.lanes.limits.isCommitUrgent,
      commit: () => this.#commit(),
    })
    const { nats, topic, partition, timeoutMs, logger, onMissing } = options
    this.#reader = new Reader({
      nats,
      topic,
      partition,
      timeoutMs,
      logger,
      from: () => {
        // What waits is read again.
        this.#waiting = []
        return this.#lanes.position ?? this.#lease.next
      },
      room: () => (this.#waiting.length > 0 ? 0 : this.#lanes.room),
      onMessage: (message) => {
        this.#waiting.push(toLaneEvent(options.topicName, partition, message))
        this.refill()
      },
      onRestarted: () => {
        this.#lanes.revoke()
        this.#lease = { ...this.#lease, next: 0n }
        this.#lanes = this.#createLanes(0n)
      },
      onMissing,
    })
  }

  get isReleasing(): boolean {
    return this.#state !== 'held'
  }

  /** There may be room for more events. */
  refill(): void {
    if (this.#waiting.length > 0) this.#waiting.splice(0, this.#lanes.push(this.#waiting))
    if (this.#waiting.length === 0) this.#reader.refill()
  }

  /** To be called when the connection was lost and is there again. */
  readAgain(): void {
    this.#reader.readAgain()
  }

  /** Events not acknowledged. Rejects with the library's error. */
  async lag(): Promise<number> {
    const pending = await this.#reader.pending()
    return pending + this.#waiting.length + this.#lanes.buffered
  }

  /** Reads the lease, and gives the partition up if another member has it. Rejects with the library's error. */
  async verify(): Promise<void> {
    const verifying = this.#writing.then(async () => {
      const lease = await this.#read()
      if (this.#state !== 'gone') this.#adopt(lease)
    })
    this.#writing = verifying.catch(() => {})
    await verifying
  }

  /** Lets its handlers finish, commits, and gives the lease back. Resolves to false if it is still in the lease. */
  async release(drainMs: number, tries: number): Promise<boolean> {
    if (this.#state !== 'held') return true
    this.#state = 'releasing'
    void this.#reader.stop()
    await this.#lanes.drain(drainMs)
    await this.#commits.stop()
    for (let left = tries; left > 0; left -= 1) {
      try {
        await this.#write(null)
        this.#state = 'gone'
        return true
      } catch (error) {
        this.#options.logger.debug({ err: error }, 'could not give a lease back')
      }
      if (left > 1) await delay(retryMs)
    }
    this.#state = 'gone'
    return false
  }

  #createLanes(from: bigint): Lanes {
    const options = { ...this.#options.lanes, onProgress: () => this.#commits.wake() }
    return new Lanes(options, from)
  }

  get #due(): bigint {
    return this.#lanes.committable ?? this.#lease.next
  }

  async #commit(): Promise<boolean> {
    try {
      await this.#write(this.#lease.owner)
      this.#commitFails = false
      return true
    } catch (error) {
      const level = this.#commitFails ? 'debug' : 'warn'
      this.#options.logger[level]({ err: error }, 'could not commit; will try again')
      this.#commitFails = true
      return false
    }
  }

  /** Rejects with the library's error: it may be written nevertheless. */
  #write(owner: string | null): Promise<void> {
    const { leases, partition } = this.#options
    const writing = this.#writing.then(async () => {
      if (this.#state === 'gone') return
      const next = this.#due
      if (owner === this.#lease.owner && next === this.#lease.next) return
      const written = await leases.write(partition, { owner, next }, this.#lease.revision)
      if (written !== undefined) return this.#committed(written)
      // Changed by another member, or by our own write whose answer was lost.
      const lease = await this.#read()
      if (!this.#adopt(lease)) return
      if (lease.next !== next || lease.owner !== owner) throw new Error('to be repeated')
      this.#committed(lease)
    })
    this.#writing = writing.catch(() => {})
    return writing
  }

  /** Writes the lease again if its entry was deleted. One that another member has given back is stored. */
  async #read(): Promise<Lease> {
    const { leases, partition } = this.#options
    const lease = await leases.read(partition)
    if (lease.isStored || this.#state === 'gone') return lease
    const owner = this.#state === 'held' ? this.#lease.owner : null
    const written = await leases.write(partition, { owner, next: this.#due }, lease.revision)
    return written ?? leases.read(partition)
  }

  #committed(lease: Lease): void {
    this.#lease = lease
    this.#lanes.markCommitted(lease.next)
  }

  /**
   * Returns false, and gives the partition up, if the lease is another member's or nobody's: then this member has
   * given it back, or another one had it since and gave it back at a later position.
   */
  #adopt(lease: Lease): boolean {
    if (lease.owner === this.#options.lease.owner) {
      this.#lease = { ...this.#lease, revision: lease.revision, owner: lease.owner }
      return true
    }
    const isLost = this.#state === 'held'
    this.#state = 'gone'
    void this.#commits.stop()
    this.#lanes.revoke()
    void this.#reader.stop()
    if (isLost) this.#options.onLost()
    return false
  }
}
