import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import type { Channel } from 'amqplib'
import { backOffMs } from '../../back-off.js'
import {
  BrokerError,
  type Delivery,
  type DeliveryContext,
  type Handler,
  type SubscribeOptions,
  type Subscription,
} from '../../broker.js'
import { logRejections } from '../../lanes.js'
import { SubscriptionLimits } from '../../subscription-limits.js'
import { type Connector, closeQuietly } from './connection.js'
import { asRabbitmqError, isRetryable } from './errors.js'
import { streamName } from './names.js'
import type { Publisher } from './publisher.js'
import { Session } from './session.js'
import { readStreamEnds } from './stream-ends.js'
import type { Topics } from './topics.js'

interface ConsumerOptions {
  readonly connector: Connector
  readonly publisher: Publisher
  readonly topics: Topics
  readonly subscription: SubscribeOptions
  readonly handler: Handler
  readonly logger: Logger
  readonly onClosed: () => void
}

/** A subscription: a series of sessions, the next one when the connection of the last is lost. */
export class Consumer implements Subscription {
  readonly #options: ConsumerOptions
  readonly #logger: Logger
  readonly #limits: SubscriptionLimits
  readonly #ending = new AbortController()
  readonly #offsets: Map<number, bigint> | undefined
  #session: Session | undefined
  #rejoining: Promise<void> | undefined
  #mayStart = false
  #paused = false
  #closed: Promise<void> | undefined

  constructor(options: ConsumerOptions) {
    this.#options = options
    const { topic, group, maxInFlight, maxBuffered, standalone } = options.subscription
    this.#logger = options.logger.child({ topic, group })
    this.#limits = new SubscriptionLimits({
      maxInFlight,
      maxBuffered,
      onRoom: () => this.#session?.feed(),
    })
    this.#limits.pause()
    this.#offsets = standalone === true ? new Map() : undefined
  }

  get active(): boolean {
    return this.#session?.isSettled ?? false
  }

  get partitions(): readonly number[] {
    const held = [...(this.#session?.held ?? [])].filter(([, { isReleasing }]) => !isReleasing)
    return held.map(([partition]) => partition).sort((a, b) => a - b)
  }

  pause(): void {
    this.#paused = true
    this.#limits.pause()
  }

  resume(): void {
    this.#paused = false
    if (this.#mayStart) this.#limits.resume()
  }

  async lag(): Promise<number> {
    const { topic } = this.#options.subscription
    let channel: Channel | undefined
    try {
      const session = this.#requireSession()
      const held = [...session.held]
      channel = await session.openChannel()
      const streams = held.map(([partition, { reader }]) => ({
        name: streamName(topic, partition),
        hasEvents: () => reader.hasEvents(),
      }))
      const { publishTimeoutMs } = this.#options.connector.location
      const ends = await readStreamEnds(channel, streams, publishTimeoutMs)
      return held.reduce((lag, [, { lanes }], index) => {
        return lag + Math.max(0, (ends[index] ?? 0) - Number(lanes.position)) + lanes.buffered
      }, 0)
    } catch (error) {
      throw asRabbitmqError('cannot measure the lag', error, this.#options.connector.location)
    } finally {
      void closeQuietly(channel)
    }
  }

  /** Joins the group; nothing is delivered before the caller has the subscription. Rejects with amqplib's error. */
  async join(): Promise<void> {
    const end = performance.now() + this.#options.connector.location.publishTimeoutMs
    try {
      for (let failures = 1; ; failures += 1) {
        try {
          await this.#start()
          break
        } catch (error) {
          if (this.#ending.signal.aborted || !isRetryable(error) || performance.now() > end)
            throw error
          await delay(backOffMs(failures, 100, 1000))
        }
      }
    } catch (error) {
      await this.close({ drainMs: 0 })
      throw error
    }
    setImmediate(() => {
      this.#mayStart = true
      if (!this.#paused) this.#limits.resume()
    })
  }

  close({ drainMs = 10_000 }: { drainMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(drainMs).finally(this.#options.onClosed)
    return this.#closed
  }

  async #close(drainMs: number): Promise<void> {
    this.#ending.abort()
    await this.#rejoining
    await this.#session?.close(drainMs)
  }

  async #start(): Promise<void> {
    const { connector, publisher, topics, subscription } = this.#options
    const { topic, group } = subscription
    const partitions = await topics.ensure(topic)
    let isLost = false
    const session = new Session({
      ...{ connector, publisher, topic, group, partitions, logger: this.#logger },
      lanes: {
        handler: (delivery, context) => this.#handle(session, delivery, context),
        limits: this.#limits,
        onRejected: logRejections(this.#logger),
      },
      onNoTopic: () => topics.forget(topic),
      standalone: this.#offsets,
      onLost: () => {
        isLost = true
        if (this.#session === session) this.#rejoin()
      },
    })
    await session.join()
    if (this.#ending.signal.aborted) return session.close(0)
    if (isLost) throw new BrokerError('BROKER_UNREACHABLE', 'The connection to RabbitMQ is lost.')
    this.#session = session
  }

  #rejoin(): void {
    this.#session = undefined
    this.#logger.warn('lost the connection to RabbitMQ; joining the group again')
    this.#rejoining ??= this.#joinAgain().finally(() => {
      this.#rejoining = undefined
    })
  }

  /** Never rejects. */
  async #joinAgain(): Promise<void> {
    const { signal } = this.#ending
    for (let failures = 1; !signal.aborted; failures += 1) {
      await delay(50 + backOffMs(failures, 200, 5000), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      try {
        await this.#start()
        this.#logger.info('joined the group again')
        return
      } catch (error) {
        this.#logger.warn({ err: error }, 'could not join the group; will try again')
      }
    }
  }

  /** If this process was stopped for a while, RabbitMQ may have given the partition to another member. */
  async #handle(session: Session, delivery: Delivery, context: DeliveryContext): Promise<void> {
    const { sessionTimeoutMs } = this.#options.connector.location
    if (this.#offsets === undefined && session.sinceAnswerMs > sessionTimeoutMs / 2) {
      await session.check()
      context.signal.throwIfAborted()
    }
    return this.#options.handler(delivery, context)
  }

  #requireSession(): Session {
    if (this.#session !== undefined) return this.#session
    throw new BrokerError('BROKER_UNREACHABLE', 'The connection to RabbitMQ is lost; retrying.')
  }
}
