import type { Logger } from '@herald/runtime'
import {
  type Broker,
  type BrokerFeatures,
  type Message,
  maxMessageBytes,
  type OpenBrokerOptions,
  type PublishedPosition,
} from '../broker.js'
import { topicSettings } from '../check-request.js'
import { createBroker, type Driver, type MemberOptions, untilReady } from '../driver.js'
import { Partitioner } from './kafka/partitioner.js'
import { toAmqp } from './rabbitmq/amqp-message.js'
import { Connector } from './rabbitmq/connection.js'
import { Consumer } from './rabbitmq/consumer.js'
import { asRabbitmqError, isRetryable } from './rabbitmq/errors.js'
import { parseRabbitmqUrl, type RabbitmqLocation } from './rabbitmq/location.js'
import { streamName } from './rabbitmq/names.js'
import { Publisher } from './rabbitmq/publisher.js'
import { Topics } from './rabbitmq/topics.js'

// Here a partition is a stream queue, and the publisher chooses it by the key; an offset is
// x-stream-offset; a group's lease on a partition and its committed offset are one message in a quorum
// queue with a single active consumer (see Lease); events in flight are limited by the prefetch.

export const features: BrokerFeatures = Object.freeze({
  name: 'rabbitmq',
  groups: true,
  consumersPerGroup: 'shared',
  partitions: true,
  orderPerKey: true,
  survivesKill: true,
  // Streams are written without a sync: on several nodes, one may lose power without loss.
  survivesPowerLoss: false,
  replay: true,
  severalMachines: true,
  lagDelayMs: 0,
  maxMessageBytes,
})

/** RabbitMQ 3.9 or newer. Connects with the first call that needs it. Rejects with BROKER_BAD_URL. */
export async function openRabbitmqBroker(url: string, options: OpenBrokerOptions): Promise<Broker> {
  return createBroker(new RabbitmqDriver(parseRabbitmqUrl(url), options))
}

class RabbitmqDriver implements Driver {
  readonly features = features
  readonly #location: RabbitmqLocation
  readonly #logger: Logger
  readonly #onRetry: OpenBrokerOptions['onRetry']
  readonly #connector: Connector
  readonly #topics: Topics
  readonly #publisher: Publisher
  readonly #partitioner = new Partitioner()
  readonly #closing = new AbortController()
  /** Per topic: the last call has found it. */
  readonly #found = new Map<string, Promise<unknown>>()

  constructor(location: RabbitmqLocation, options: OpenBrokerOptions) {
    this.#location = location
    this.#logger = options.logger
    this.#onRetry = options.onRetry
    this.#connector = new Connector(location, options.logger)
    this.#topics = new Topics(this.#connector, topicSettings(options))
    this.#publisher = new Publisher(this.#connector, (queue) =>
      this.#topics.forget(queue.slice(0, queue.lastIndexOf('/'))),
    )
  }

  ensureTopic(topic: string, timeoutMs = this.#location.publishTimeoutMs): Promise<number> {
    return untilReady(() => this.#topics.ensure(topic), {
      isRetryable,
      timeoutMs,
      signal: this.#closing.signal,
      onRetry: (error) =>
        this.#onRetry?.(this.asBrokerError(`cannot look up the topic ${topic}`, error)),
    })
  }

  async publish(topic: string, messages: readonly Message[]): Promise<PublishedPosition[]> {
    const endMs = performance.now() + this.#location.publishTimeoutMs
    // Calls made while the topic is looked up wait in their order.
    const earlier = this.#found.get(topic)
    const finding = (async () => {
      await earlier?.catch(() => {})
      return this.ensureTopic(topic, endMs - performance.now())
    })()
    this.#found.set(topic, finding)
    const partitions = await finding
    const outgoing = messages.map((message) => {
      const key = message.raw?.key ?? message.key
      const partition = this.#partitioner.partitionFor(key, partitions)
      return { queue: streamName(topic, partition), ...toAmqp(message) }
    })
    await this.#publisher.send(
      outgoing,
      `publish to ${topic}`,
      Math.max(100, endMs - performance.now()),
    )
    // A confirm has no offset.
    return messages.map(() => ({}))
  }

  async createConsumer(member: MemberOptions): Promise<Consumer> {
    return new Consumer({
      connector: this.#connector,
      publisher: this.#publisher,
      topics: this.#topics,
      logger: this.#logger,
      ...member,
    })
  }

  hasHadConsumers(topic: string): Promise<boolean> {
    return this.#topics.hasHadConsumers(topic)
  }

  asBrokerError(what: string, error: unknown) {
    return asRabbitmqError(what, error, this.#location)
  }

  async close(callsEnded: Promise<void>): Promise<void> {
    this.#closing.abort()
    await callsEnded.catch(() => {})
    await this.#publisher.close()
  }
}
