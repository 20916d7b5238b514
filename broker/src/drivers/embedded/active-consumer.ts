import type { Logger } from '@herald/runtime'
import type { Store } from '@herald/runtime/store'
import { CommitLoop } from '../../commit-loop.js'
import { Lanes, type LanesOptions } from '../../lanes.js'
import type { EventLog } from './event-log.js'
import type { GroupName, Groups } from './groups.js'

/** What is in the store of an embedded broker. */
export interface BrokerTables {
  readonly store: Store
  readonly log: EventLog
  readonly groups: Groups
}

interface ActiveConsumerOptions {
  readonly tables: BrokerTables
  readonly name: GroupName
  /** The epoch of the lease acquired. */
  readonly epoch: number
  readonly lanes: Omit<LanesOptions, 'onProgress'>
  /** Another consumer has acquired the lease. Called at most once. */
  readonly onLost: () => void
  readonly logger: Logger
}

interface Partition {
  readonly partition: number
  readonly lanes: Lanes
  /** The next offset to deliver, as the store has it. */
  committed: bigint
  /** The log may hold more than was read. */
  mayHaveMore: boolean
}

/** Events read from one partition in one turn of the event loop. */
const maxReadAtOnce = 256
/** A commit costs a sync, so the acknowledgements of a few milliseconds share one. */
const commitEveryMs = 5
const retryCommitMs = 1000

/**
 * The active consumer of a group, from acquiring the lease to losing or releasing it: reads every
 * partition from its committed offset, feeds the lanes, commits what they acknowledged.
 */
export class ActiveConsumer {
  readonly #options: ActiveConsumerOptions
  readonly #partitions: readonly Partition[]
  #readFirst = 0
  #readTimer: NodeJS.Immediate | undefined
  readonly #commits: CommitLoop
  #state: 'open' | 'draining' | 'closed' = 'open'

  constructor(options: ActiveConsumerOptions) {
    const { name } = options
    const { log, groups } = options.tables
    const lanesOptions = { ...options.lanes, onProgress: () => this.#commits.wake() }
    this.#options = options
    this.#commits = new CommitLoop({
      everyMs: commitEveryMs,
      retryMs: retryCommitMs,
      isDue: () => this.#due().size > 0,
      isUrgent: () => options.lanes.limits.isCommitUrgent,
      commit: () => this.#commit(),
    })
    this.#partitions = Array.from({ length: log.topic(name.topic)?.partitions ?? 0 }, (_, id) => {
      const next = groups.committed(name, id) ?? log.oldestOffset(name.topic, id)
      const from = BigInt(next)
      const lanes = new Lanes(lanesOptions, from)
      return { partition: id, lanes, committed: from, mayHaveMore: true }
    })
    this.readLater()
  }

  get partitions(): readonly number[] {
    return this.#partitions.map(({ partition }) => partition)
  }

  /** Events published and not yet acknowledged. */
  get lag(): number {
    const { name, tables } = this.#options
    const { log } = tables
    let lag = 0
    for (const { partition, lanes } of this.#partitions) {
      const position = Math.max(Number(lanes.position), log.oldestOffset(name.topic, partition))
      lag += log.nextOffset(name.topic, partition) - position + lanes.buffered
    }
    return lag
  }

  /** Call it when the log may have grown or the lease may be lost. */
  wake(): void {
    this.checkLease()
    for (const each of this.#partitions) each.mayHaveMore = true
    this.readLater()
  }

  /** Reads in the next turn of the event loop. Call it when there may be room. */
  readLater(): void {
    if (this.#state !== 'open') return
    this.#readTimer ??= setImmediate(() => {
      this.#readTimer = undefined
      try {
        this.#read()
      } catch (error) {
        this.#options.logger.error({ err: error }, 'could not read; will try again')
      }
    })
  }

  /** Stops everything if another consumer has acquired the lease. */
  checkLease(): void {
    const { tables, name, epoch } = this.#options
    if (tables.groups.lease(name).epoch !== epoch) this.#stop()
  }

  /**
   * Waits up to `drainMs` for the handlers at work, commits what they acknowledged and releases
   * the lease. Rejects if the store cannot be written.
   */
  async close(drainMs: number): Promise<void> {
    const { tables, name, epoch } = this.#options
    const { store, groups } = tables
    this.#state = 'draining'
    clearImmediate(this.#readTimer)
    await Promise.all(this.#partitions.map(({ lanes }) => lanes.drain(drainMs)))
    this.#state = 'closed'
    await this.#commits.stop()
    await store.write(() => {
      groups.commit(name, epoch, this.#due())
      groups.release(name, epoch)
    })
  }

  #read(): void {
    const { tables, name, lanes: options } = this.#options
    let more = false
    for (let turn = 0; turn < this.#partitions.length; turn += 1) {
      const each = this.#partitions[(this.#readFirst + turn) % this.#partitions.length] as Partition
      const limit = Math.min(each.lanes.room, maxReadAtOnce)
      if (!each.mayHaveMore || limit === 0) continue
      const position = Number(each.lanes.position)
      const events = tables.log.read(name.topic, each.partition, position, limit)
      each.mayHaveMore = events.length === limit
      more ||= each.mayHaveMore
      each.lanes.push(events)
    }
    // If there is little room, the first partition takes all of it: begin with another one each time.
    this.#readFirst += 1
    if (more && options.limits.room(0) > 0) this.readLater()
  }

  async #commit(): Promise<boolean> {
    const { tables, name, epoch, logger } = this.#options
    const due = this.#due()
    try {
      const isHeld = await tables.store.write(() => tables.groups.commit(name, epoch, due))
      if (!isHeld) this.#stop()
      for (const each of this.#partitions) {
        each.committed = BigInt(due.get(each.partition) ?? each.committed)
        each.lanes.markCommitted(each.committed)
      }
      return true
    } catch (error) {
      logger.error({ err: error }, 'could not commit; will try again')
      return false
    }
  }

  #due(): Map<number, number> {
    const due = new Map<number, number>()
    for (const { partition, lanes, committed } of this.#partitions) {
      const offset = lanes.committable ?? committed
      if (offset !== committed) due.set(partition, Number(offset))
    }
    return due
  }

  #stop(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    clearImmediate(this.#readTimer)
    void this.#commits.stop()
    for (const { lanes } of this.#partitions) lanes.revoke()
    this.#options.onLost()
  }
}
