import type { Logger } from '@herald/runtime'
import kafkajs, { type ISocketFactory } from 'kafkajs'
import {
  type Broker,
  type BrokerFeatures,
  type Message,
  maxMessageBytes,
  type OpenBrokerOptions,
} from '../broker.js'
import { topicSettings } from '../check-request.js'
import { createBroker, type Driver, type MemberOptions, untilReady } from '../driver.js'
import { AdminConnection, createClient } from './kafka/client.js'
import { Consumer } from './kafka/consumer.js'
import { asKafkaError, isRetryable } from './kafka/errors.js'
import { type KafkaLocation, parseKafkaUrl } from './kafka/location.js'
import { Producer } from './kafka/producer.js'
import { Topics } from './kafka/topics.js'

// Kafka's own words are the field's. In kafkajs: a subscription is a series of consumers, each a
// member of the group, replaced if it crashes or stalls; an event taken is a resolved offset; the
// contiguous prefix of acknowledged events is committed by hand; a full subscription pauses
// partitions.

interface KafkaBrokerOptions extends OpenBrokerOptions {
  /** How sockets are made: for a proxy, and for tests that cut connections. */
  socketFactory?: ISocketFactory
}

export const features: BrokerFeatures = Object.freeze({
  name: 'kafka',
  groups: true,
  consumersPerGroup: 'shared',
  orderPerKey: true,
  partitions: true,
  survivesKill: true,
  // Kafka leaves the sync to the system: with replicas, one machine may lose power without loss.
  survivesPowerLoss: false,
  replay: true,
  severalMachines: true,
  lagDelayMs: 0,
  maxMessageBytes,
})

/** Apache Kafka. Connects with the first call that needs it. Rejects with BROKER_BAD_URL. */
export async function openKafkaBroker(url: string, options: KafkaBrokerOptions): Promise<Broker> {
  return createBroker(new KafkaDriver(parseKafkaUrl(url), options))
}

class KafkaDriver implements Driver {
  readonly features = features
  readonly #location: KafkaLocation
  readonly #options: KafkaBrokerOptions
  readonly #logger: Logger
  readonly #admin: AdminConnection
  readonly #topics: Topics
  readonly #producer: Producer
  readonly #closing = new AbortController()

  constructor(location: KafkaLocation, options: KafkaBrokerOptions) {
    const { logger } = options
    this.#location = location
    this.#options = options
    this.#logger = logger
    const responseTimeoutMs = Math.ceil(location.publishTimeoutMs / 2)
    this.#admin = new AdminConnection(() => this.#client(responseTimeoutMs, 1).admin())
    this.#topics = new Topics(this.#admin, topicSettings(options), logger)
    this.#producer = new Producer({
      topics: this.#topics,
      location,
      onRetry: (what, error) => this.#reportRetry(what, error),
      createProducer: () =>
        this.#client(responseTimeoutMs, 0).producer({
          allowAutoTopicCreation: false,
          // The queue of each partition retries, until the caller's time is over.
          retry: { retries: 0 },
          createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
        }),
    })
  }

  ensureTopic(topic: string): Promise<unknown> {
    return untilReady(() => this.#topics.ensure(topic), {
      isRetryable,
      timeoutMs: this.#location.publishTimeoutMs,
      signal: this.#closing.signal,
      onRetry: (error) => this.#reportRetry(`cannot look up the topic ${topic}`, error),
    })
  }

  publish(topic: string, messages: readonly Message[]) {
    return this.#producer.publish(topic, messages)
  }

  async createConsumer(member: MemberOptions): Promise<Consumer> {
    await this.ensureTopic(member.subscription.topic)
    return new Consumer({
      // A connection without a response for this long is dead. Joining a group has its own timeout.
      kafka: this.#client(Math.min(10_000, this.#location.sessionTimeoutMs), 20),
      admin: this.#admin,
      location: this.#location,
      logger: this.#logger,
      ...member,
    })
  }

  asBrokerError(what: string, error: unknown) {
    return asKafkaError(what, error, this.#location)
  }

  async close(callsEnded: Promise<void>): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled([this.#producer.close(), callsEnded])
    await this.#admin.close()
  }

  #reportRetry(what: string, error: unknown): void {
    this.#options.onRetry?.(this.asBrokerError(what, error))
  }

  #client(requestTimeoutMs: number, retries: number) {
    const { socketFactory } = this.#options
    return createClient(this.#location, this.#logger, { requestTimeoutMs, retries, socketFactory })
  }
}
