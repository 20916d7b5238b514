import { setTimeout as delay } from 'node:timers/promises'
import {
  type Broker,
  BrokerError,
  type BrokerFeatures,
  type Handler,
  type Message,
  maxMessageBytes,
  type OpenBrokerOptions,
  type PublishedPosition,
  type SubscribeOptions,
  type Subscription,
} from '../broker.js'
import { checkMessages, checkSubscription, checkTopic, topicSettings } from '../check-request.js'
import { LazyConnection } from './nats/connection.js'
import { Consumer } from './nats/consumer.js'
import { asNatsError, isRetryable } from './nats/errors.js'
import { hasLeases } from './nats/leases.js'
import { type NatsLocation, parseNatsUrl } from './nats/location.js'
import { Publisher } from './nats/publisher.js'
import { bucketOf, type NatsTopic, Topics } from './nats/topics.js'

// In NATS JetStream a topic is a file stream; a partition is one of its subjects, chosen by the publisher;
// an offset is the stream's sequence. A group's lease on a partition and its committed offset are one entry
// of a key-value bucket, changed by compare-and-swap. Events are read by ephemeral pull consumers without
// acknowledgements: one durable consumer for all members would break the order of a key when a member ends.

export const features: BrokerFeatures = Object.freeze({
  name: 'nats',
  groups: true,
  consumersPerGroup: 'shared',
  orderPerKey: true,
  partitions: true,
  survivesKill: true,
  // The server syncs every two minutes, unless it is a newer one with `sync_interval: always`.
  survivesPowerLoss: false,
  replay: true,
  severalMachines: true,
  lagDelayMs: 0,
  maxMessageBytes,
})

/** NATS JetStream, 2.9 or newer. Connects with the first call that needs it. Rejects with BROKER_BAD_URL. */
export async function openNatsBroker(url: string, options: OpenBrokerOptions): Promise<Broker> {
  return new NatsBroker(parseNatsUrl(url), options)
}

class NatsBroker implements Broker {
  readonly features = features
  readonly #location: NatsLocation
  readonly #options: OpenBrokerOptions
  readonly #requests: LazyConnection
  readonly #reading: LazyConnection
  readonly #topics: Topics
  readonly #publisher: Publisher
  readonly #consumers = new Set<Consumer>()
  readonly #joining = new Set<Promise<unknown>>()
  #closed: Promise<void> | undefined

  constructor(location: NatsLocation, options: OpenBrokerOptions) {
    const { logger } = options
    this.#location = location
    this.#options = options
    this.#requests = new LazyConnection(location, logger, { reconnects: false })
    this.#reading = new LazyConnection(location, logger, { reconnects: true })
    this.#topics = new Topics({
      connection: this.#requests,
      settings: topicSettings(options),
      replicas: location.replicas,
      timeoutMs: location.publishTimeoutMs,
      logger,
    })
    const connection = this.#requests
    this.#publisher = new Publisher({ location, connection, topics: this.#topics })
  }

  async createTopic(topic: string): Promise<void> {
    this.#requireOpen()
    checkTopic(topic)
    await this.#run(`cannot create the topic ${topic}`, () => this.#ensure(topic))
  }

  async publish(topic: string, messages: readonly Message[]): Promise<PublishedPosition[]> {
    this.#requireOpen()
    checkTopic(topic)
    checkMessages(messages, features.maxMessageBytes)
    return this.#publisher.publish(topic, messages)
  }

  async subscribe(options: SubscribeOptions, handler: Handler): Promise<Subscription> {
    this.#requireOpen()
    checkTopic(options.topic)
    checkSubscription(options)
    const joining = this.#join(options, handler)
    this.#joining.add(joining)
    try {
      const what = `cannot subscribe to ${options.topic} as ${options.group}`
      return await this.#run(what, () => joining)
    } finally {
      this.#joining.delete(joining)
    }
  }

  async hasHadConsumers(topic: string): Promise<boolean> {
    this.#requireOpen()
    return this.#run(`cannot look for groups of ${topic}`, async () =>
      hasLeases((await this.#requests.open()).nats, bucketOf(topic)),
    )
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #join(subscription: SubscribeOptions, handler: Handler): Promise<Consumer> {
    const topic = await this.#ensure(subscription.topic)
    const link = await this.#reading.open()
    this.#requireOpen()
    const consumer = new Consumer({
      link,
      location: this.#location,
      topic,
      subscription,
      handler,
      logger: this.#options.logger,
      onMissing: () => {
        this.#topics.forget(subscription.topic)
        return this.#topics.ensure(subscription.topic)
      },
      onClosed: () => this.#consumers.delete(consumer),
    })
    this.#consumers.add(consumer)
    await consumer.join()
    return consumer
  }

  /** Tries again for as long as `publish` does: the server may just be starting. */
  async #ensure(topic: string): Promise<NatsTopic> {
    const end = performance.now() + this.#location.publishTimeoutMs
    for (;;) {
      try {
        return await this.#topics.ensure(topic)
      } catch (error) {
        if (!isRetryable(error) || performance.now() > end || this.#closed) throw error
        await delay(200)
      }
    }
  }

  async #close(): Promise<void> {
    this.#publisher.close()
    const closing = [...this.#consumers].map((consumer) => consumer.close())
    await Promise.allSettled([...closing, ...this.#joining])
    await Promise.all([this.#requests.close(), this.#reading.close()])
  }

  async #run<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (error) {
      this.#requireOpen()
      throw asNatsError(what, error, this.#location)
    }
  }

  #requireOpen(): void {
    if (this.#closed === undefined) return
    throw new BrokerError('BROKER_CLOSED', 'The broker is closed. Open another one.')
  }
}
