import type { Logger } from '@herald/runtime'
import type { ChannelModel } from 'amqplib'
import { CommitLoop } from '../../commit-loop.js'
import { Lanes, type LanesOptions } from '../../lanes.js'
import type { Connector } from './connection.js'
import { StreamReader } from './stream-reader.js'

/** The right to a partition. */
export interface HeldLease {
  /** Resolves when the group's offset is `offset` or higher. */
  commit(offset: bigint): Promise<void>
  /** Gives the partition back. Never rejects. */
  release(): Promise<void>
}

interface HeldPartitionOptions {
  readonly connector: Connector
  readonly connection: ChannelModel
  readonly topic: string
  readonly partition: number
  readonly lease: HeldLease
  /** The next offset to deliver. */
  readonly from: bigint
  readonly lanes: Omit<LanesOptions, 'onProgress'>
  readonly logger: Logger
  /** The topic was deleted. */
  readonly onNoStream: () => void
}

/** A commit costs a sync, so acknowledgements share one. It is also what a crash delivers again. */
const commitEveryMs = 50
const retryCommitMs = 1000
/** RabbitMQ closes a channel whose message is not acknowledged for its consumer_timeout, 30 minutes by default. */
const renewEveryMs = 5 * 60 * 1000

/** A partition from getting its lease to giving it back: reads its stream, commits what is acknowledged. */
export class HeldPartition {
  readonly lanes: Lanes
  readonly reader: StreamReader
  readonly #options: HeldPartitionOptions
  readonly #renewal: NodeJS.Timeout
  #committed: bigint
  readonly #commits: CommitLoop
  #releasing: Promise<void> | undefined
  #closed = false

  constructor(options: HeldPartitionOptions) {
    this.#options = options
    this.#committed = options.from
    this.lanes = new Lanes(
      { ...options.lanes, onProgress: () => this.#commits.wake() },
      options.from,
    )
    this.#commits = new CommitLoop({
      everyMs: commitEveryMs,
      retryMs: retryCommitMs,
      isDue: () => this.#due !== undefined,
      isUrgent: () => options.lanes.limits.isCommitUrgent,
      commit: async () => this.#due === undefined || this.#commit(this.#due),
    })
    this.reader = new StreamReader({ ...options, lanes: this.lanes })
    void this.reader.start()
    this.#renewal = setInterval(() => void this.#commit(this.#committed), renewEveryMs)
    this.#renewal.unref()
  }

  get isReleasing(): boolean {
    return this.#releasing !== undefined
  }

  /** There may be room for more events. */
  feed(): void {
    this.reader.feed()
  }

  /** Waits up to `drainMs` for the handlers at work, commits, and releases the lease. Never rejects. */
  release(drainMs: number): Promise<void> {
    this.#releasing ??= this.#release(drainMs)
    return this.#releasing
  }

  /** The lease is lost: another member may have the partition. */
  revoke(): void {
    this.#closed = true
    clearInterval(this.#renewal)
    void this.#commits.stop()
    this.lanes.revoke()
    void this.reader.stop()
  }

  async #release(drainMs: number): Promise<void> {
    await this.lanes.drain(drainMs)
    await this.reader.stop()
    this.#closed = true
    clearInterval(this.#renewal)
    await this.#commits.stop()
    if (this.#due !== undefined) await this.#commit(this.#due)
    await this.#options.lease.release()
  }

  get #due(): bigint | undefined {
    const offset = this.lanes.committable
    return offset !== undefined && offset > this.#committed ? offset : undefined
  }

  async #commit(offset: bigint): Promise<boolean> {
    const { lease, partition, logger } = this.#options
    try {
      await lease.commit(offset)
      if (offset > this.#committed) this.#committed = offset
      this.lanes.markCommitted(this.#committed)
      return true
    } catch (error) {
      if (!this.#closed) logger.warn({ err: error, partition }, 'could not commit; will try again')
      return false
    }
  }
}
