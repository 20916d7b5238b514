import { join } from 'node:path'
import type { Logger } from '@herald/runtime'
import type { Handler, SubscribeOptions, Subscription } from '../../broker.js'
import { logRejections } from '../../lanes.js'
import { SubscriptionLimits } from '../../subscription-limits.js'
import { ActiveConsumer, type BrokerTables } from './active-consumer.js'
import { Heartbeat } from './heartbeat.js'

export interface ConsumerOptions {
  readonly tables: BrokerTables
  /** The broker's folder. */
  readonly directory: string
  readonly sessionTimeoutMs: number
  readonly subscription: SubscribeOptions
  readonly handler: Handler
  readonly logger: Logger
  readonly onClosed: () => void
}

/** How soon the end of the active consumer's process is noticed. */
const checkEveryMs = 250

/** One subscription: the active consumer of its group, or on standby until the active one is gone. */
export class Consumer implements Subscription {
  readonly #options: ConsumerOptions
  readonly #logger: Logger
  readonly #limits: SubscriptionLimits
  readonly #heartbeat: Heartbeat
  readonly #timer: NodeJS.Timeout
  readonly #stopListening: () => void
  #active: ActiveConsumer | undefined
  #takingOver: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(options: ConsumerOptions) {
    const { tables, directory, sessionTimeoutMs, subscription, logger } = options
    const { topic, group, maxInFlight, maxBuffered } = subscription
    this.#options = options
    this.#logger = logger.child({ topic, group })
    const onRoom = () => this.#active?.readLater()
    this.#limits = new SubscriptionLimits({ maxInFlight, maxBuffered, onRoom })
    this.#heartbeat = new Heartbeat(join(directory, 'heartbeats'), sessionTimeoutMs)
    // Not unref'd: a process runs until its subscriptions are closed.
    this.#timer = setInterval(() => this.#check(), Math.min(checkEveryMs, sessionTimeoutMs / 5))
    this.#stopListening = tables.store.bell.listen(() => this.#check())
  }

  get active(): boolean {
    return this.#active !== undefined
  }

  get partitions(): readonly number[] {
    return this.#active?.partitions ?? []
  }

  pause(): void {
    this.#limits.pause()
  }

  resume(): void {
    this.#limits.resume()
  }

  async lag(): Promise<number> {
    return this.#active?.lag ?? 0
  }

  close({ drainMs = 10_000 }: { drainMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(drainMs)
    return this.#closed
  }

  /** Resolves when this consumer is active or on standby. Rejects if the store cannot be written. */
  async join(): Promise<void> {
    try {
      this.#takingOver = this.#takeOverIfGone()
      await this.#takingOver
    } catch (error) {
      await this.close()
      throw error
    } finally {
      this.#takingOver = undefined
    }
  }

  /** Sends the heartbeat, reads what is new, takes over if the active consumer is gone. Never throws. */
  #check(): void {
    try {
      this.#heartbeat.beat()
      this.#active?.wake()
    } catch (error) {
      this.#logger.error({ err: error }, 'could not check the subscription; will try again')
    }
    if (this.#active !== undefined || this.#closed !== undefined) return
    this.#takingOver ??= this.#takeOverIfGone()
      .catch((error: unknown) => {
        this.#logger.error({ err: error }, 'could not take over the group; will try again')
      })
      .finally(() => {
        this.#takingOver = undefined
      })
  }

  async #takeOverIfGone(): Promise<void> {
    const { tables, subscription: name } = this.#options
    const { groups, store } = tables
    const observed = groups.lease(name)
    const { holder } = observed
    const isFree = holder === null || holder === this.#heartbeat.name
    if (!isFree && !this.#heartbeat.isGone(holder)) return
    const epoch = await store.write(() => groups.acquire(name, this.#heartbeat.name, observed))
    if (epoch === undefined) return
    if (!isFree) {
      this.#heartbeat.remove(holder)
      this.#logger.warn({ holder }, 'took over from an active consumer that is gone')
    }
    this.#active = new ActiveConsumer({
      tables,
      name,
      epoch,
      logger: this.#logger,
      lanes: {
        handler: (delivery, context) => this.#handle(delivery, context),
        limits: this.#limits,
        onRejected: logRejections(this.#logger),
      },
      onLost: () => {
        this.#active = undefined
        this.#logger.warn('another consumer took over; on standby')
      },
    })
  }

  async #close(drainMs: number): Promise<void> {
    try {
      await this.#takingOver?.catch(() => {})
      await this.#active?.close(drainMs)
    } finally {
      this.#active = undefined
      clearInterval(this.#timer)
      this.#stopListening()
      this.#heartbeat.remove(this.#heartbeat.name)
      this.#options.tables.store.bell.ring()
      this.#options.onClosed()
    }
  }

  readonly #handle: Handler = (delivery, context) => {
    // After a stop of this process, another one may be handling the same event.
    if (this.#heartbeat.overdue) {
      this.#active?.checkLease()
      if (context.signal.aborted) return Promise.reject(context.signal.reason)
    }
    return this.#options.handler(delivery, context)
  }
}
