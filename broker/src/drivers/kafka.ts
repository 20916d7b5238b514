import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import kafkajs, { type ISocketFactory } from 'kafkajs'
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
  return new KafkaBroker(parseKafkaUrl(url), options)
}

class KafkaBroker implements Broker {
  readonly features = features
  readonly #location: KafkaLocation
  readonly #options: KafkaBrokerOptions
  readonly #logger: Logger
  readonly #admin: AdminConnection
  readonly #topics: Topics
  readonly #producer: Producer
  readonly #consumers = new Set<Consumer>()
  readonly #joining = new Set<Promise<unknown>>()
  #closed: Promise<void> | undefined

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
      createProducer: () =>
        this.#client(responseTimeoutMs, 0).producer({
          allowAutoTopicCreation: false,
          // The queue of each partition retries, until the caller's time is over.
          retry: { retries: 0 },
          createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
        }),
    })
  }

  async createTopic(topic: string): Promise<void> {
    this.#requireOpen()
    checkTopic(topic)
    try {
      await this.#ensure(topic)
    } catch (error) {
      throw asKafkaError(`cannot create the topic ${topic}`, error, this.#location)
    }
  }

  async publish(topic: string, messages: readonly Message[]): Promise<PublishedPosition[]> {
    this.#requireOpen()
    checkTopic(topic)
    checkMessages(messages, features.maxMessageBytes)
    return this.#producer.publish(topic, messages)
  }

  async subscribe(options: SubscribeOptions, handler: Handler): Promise<Subscription> {
    this.#requireOpen()
    checkTopic(options.topic)
    checkSubscription(options)
    const joining = this.#join(options, handler)
    this.#joining.add(joining)
    try {
      return await joining
    } catch (error) {
      this.#requireOpen()
      const what = `cannot subscribe to ${options.topic} as ${options.group}`
      throw asKafkaError(what, error, this.#location)
    } finally {
      this.#joining.delete(joining)
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #join(subscription: SubscribeOptions, handler: Handler): Promise<Consumer> {
    await this.#ensure(subscription.topic)
    this.#requireOpen()
    const consumer = new Consumer({
      // A connection without a response for this long is dead. Joining a group has its own timeout.
      kafka: this.#client(Math.min(10_000, this.#location.sessionTimeoutMs), 20),
      admin: this.#admin,
      location: this.#location,
      subscription,
      handler,
      logger: this.#logger,
      onClosed: () => this.#consumers.delete(consumer),
    })
    this.#consumers.add(consumer)
    await consumer.join()
    return consumer
  }

  async #ensure(topic: string): Promise<void> {
    const end = Date.now() + this.#location.publishTimeoutMs
    for (;;) {
      try {
        await this.#topics.ensure(topic)
        return
      } catch (error) {
        if (!isRetryable(error) || Date.now() > end) throw error
        await delay(200)
      }
    }
  }

  async #close(): Promise<void> {
    // Consumers that are still joining too: closing ends their waiting.
    const closing = [...this.#consumers].map((consumer) => consumer.close())
    await Promise.allSettled([this.#producer.close(), ...closing, ...this.#joining])
    await this.#admin.close()
  }

  #client(requestTimeoutMs: number, retries: number) {
    const { socketFactory } = this.#options
    return createClient(this.#location, this.#logger, { requestTimeoutMs, retries, socketFactory })
  }

  #requireOpen(): void {
    if (this.#closed === undefined) return
    throw new BrokerError('BROKER_CLOSED', 'The broker is closed. Open another one.')
  }
}
