import type { Logger } from '@herald/runtime'
import { type Delivery, type Handler, RetryLater, type Subscription } from '../../broker.js'
import { Lanes } from '../../lanes.js'
import { Slots } from '../../slots.js'
import { Assignment } from './assignment.js'
import type { BrokerStore } from './broker-store.js'
import { Commits } from './commits.js'
import { Feed } from './feed.js'
import type { GroupMember, GroupName } from './groups.js'
import type { Holding } from './holding.js'
import type { Presence } from './presence.js'

export interface ConsumerOptions {
  readonly shared: BrokerStore
  readonly presence: Presence
  readonly name: GroupName
  readonly partitions: number
  readonly member: GroupMember
  readonly handler: Handler
  readonly maxInFlight: number | undefined
  readonly maxBuffered: number | undefined
  readonly handoverMs: number
  readonly logger: Logger
  readonly onClosed: () => void
}

/** One member of a group: the partitions it holds, fed from the log, handled, committed. */
export class Consumer implements Subscription {
  readonly #options: ConsumerOptions
  readonly #holdings = new Map<number, Holding>()
  readonly #slots: Slots
  readonly #feed: Feed
  readonly #commits: Commits
  readonly #assignment: Assignment
  #closed: Promise<void> | undefined

  constructor(options: ConsumerOptions) {
    const { shared, name, member, maxInFlight, maxBuffered } = options
    const common = { ...options, holdings: this.#holdings }
    this.#options = options
    this.#slots = new Slots({ maxInFlight, maxBuffered, onRoom: () => this.#feed.soon() })
    this.#feed = new Feed({ ...common, log: shared.log, topic: name.topic, slots: this.#slots })
    this.#commits = new Commits({
      ...common,
      memberId: member.id,
      onLost: (holding) => this.#assignment.lose(holding),
    })
    this.#assignment = new Assignment({
      ...common,
      makeLanes: (from) => this.#makeLanes(from),
      commitInside: (holding) => this.#commits.commitInside(holding),
      onTaken: () => this.#feed.soon(),
    })
  }

  get partitions(): readonly number[] {
    return this.#assignment.kept().map(({ partition }) => partition)
  }

  pause(): void {
    this.#slots.pause()
  }

  resume(): void {
    this.#slots.resume()
  }

  async lag(): Promise<number> {
    const { shared, name } = this.#options
    let lag = 0
    for (const { partition, lanes } of this.#holdings.values()) {
      const oldest = shared.log.oldestOffset(name.topic, partition)
      const position = Math.max(Number(lanes.position), oldest)
      lag += shared.log.nextOffset(name.topic, partition) - position + lanes.buffered
    }
    return lag
  }

  close({ drainMs = 10_000 }: { drainMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(drainMs).finally(this.#options.onClosed)
    return this.#closed
  }

  /** Resolves when the group has taken the member in. Rejects when the store cannot be written. */
  join(): Promise<void> {
    return this.#assignment.join()
  }

  /** Something may be new in the store. */
  wake(): void {
    if (this.#closed !== undefined) return
    this.#assignment.wake()
    this.#feed.wake()
  }

  /** Somebody may have died. */
  look(): void {
    if (this.#closed === undefined) this.#assignment.look()
  }

  async #close(drainMs: number): Promise<void> {
    const { shared, name, partitions, member } = this.#options
    this.#feed.stop()
    const stopping = this.#assignment.stop()
    await Promise.all([...this.#holdings.values()].map(({ lanes }) => lanes.drain(drainMs)))
    await stopping
    await this.#commits.stop()
    await shared.store.write(() => {
      for (const holding of this.#holdings.values()) this.#commits.commitInside(holding)
      shared.groups.leave(name, partitions, member.id)
    })
    this.#holdings.clear()
    shared.store.bell.ring()
  }

  #makeLanes(from: bigint): Lanes {
    return new Lanes(
      {
        handler: (delivery, context) => this.#handle(delivery, context),
        slots: this.#slots,
        onProgress: () => this.#commits.soon(),
        onRejected: (error, delivery, retryInMs) => this.#logRejection(error, delivery, retryInMs),
      },
      from,
    )
  }

  readonly #handle: Handler = (delivery, context) => {
    const { presence, handler } = this.#options
    // Who was stopped for long may have been given up: look before doing what others may have done.
    if (presence.overslept) {
      this.#assignment.loseWhatOthersTook()
      if (context.signal.aborted) return Promise.reject(context.signal.reason)
    }
    return handler(delivery, context)
  }

  #logRejection(error: unknown, delivery: Delivery, retryInMs: number): void {
    const { logger, name } = this.#options
    const { partition, offset, attempt } = delivery
    const fields = { ...name, partition, offset, attempt, retryInMs }
    if (error instanceof RetryLater) logger.debug(fields, 'event to be delivered again')
    else logger.warn({ ...fields, err: error }, 'event not handled, to be delivered again')
  }
}
