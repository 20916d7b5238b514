import {
  type Broker,
  type BrokerFeatures,
  type Message,
  maxMessageBytes,
  type OpenBrokerOptions,
} from '../broker.js'
import { topicSettings } from '../check-request.js'
import { createBroker, type Driver, type MemberOptions, untilReady } from '../driver.js'
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
  return createBroker(new NatsDriver(parseNatsUrl(url), options))
}

class NatsDriver implements Driver {
  readonly features = features
  readonly #location: NatsLocation
  readonly #options: OpenBrokerOptions
  readonly #requests: LazyConnection
  readonly #reading: LazyConnection
  readonly #topics: Topics
  readonly #publisher: Publisher
  readonly #closing = new AbortController()

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
      timeoutMs: location.requestTimeoutMs,
      logger,
    })
    const connection = this.#requests
    this.#publisher = new Publisher({
      ...{ location, connection, topics: this.#topics },
      onRetry: (what, error) => this.#reportRetry(what, error),
    })
  }

  ensureTopic(topic: string): Promise<NatsTopic> {
    return this.#untilReady(`look up the topic ${topic}`, () => this.#topics.ensure(topic))
  }

  publish(topic: string, messages: readonly Message[]) {
    return this.#publisher.publish(topic, messages)
  }

  async createConsumer(member: MemberOptions): Promise<Consumer> {
    const { topic: name } = member.subscription
    return new Consumer({
      topic: await this.ensureTopic(name),
      link: await this.#reading.open(),
      location: this.#location,
      logger: this.#options.logger,
      onMissing: () => {
        this.#topics.forget(name)
        return this.#topics.ensure(name)
      },
      ...member,
    })
  }

  hasHadConsumers(topic: string): Promise<boolean> {
    return this.#untilReady(`look for the groups of ${topic}`, async () =>
      hasLeases((await this.#requests.open()).nats, bucketOf(topic)),
    )
  }

  asBrokerError(what: string, error: unknown) {
    return asNatsError(what, error, this.#location)
  }

  async close(callsEnded: Promise<void>): Promise<void> {
    this.#closing.abort()
    this.#publisher.close()
    await callsEnded.catch(() => {})
    await Promise.all([this.#requests.close(), this.#reading.close()])
  }

  #reportRetry(what: string, error: unknown): void {
    this.#options.onRetry?.(this.asBrokerError(what, error))
  }

  #untilReady<T>(task: string, action: () => Promise<T>): Promise<T> {
    return untilReady(action, {
      isRetryable,
      timeoutMs: this.#location.publishTimeoutMs,
      signal: this.#closing.signal,
      onRetry: (error) => this.#reportRetry(`cannot ${task}`, error),
    })
  }
}
