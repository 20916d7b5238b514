import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import { backOffMs } from '../back-off.js'
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
  return new RabbitmqBroker(parseRabbitmqUrl(url), options)
}

class RabbitmqBroker implements Broker {
  readonly features = features
  readonly #location: RabbitmqLocation
  readonly #logger: Logger
  readonly #connector: Connector
  readonly #topics: Topics
  readonly #publisher: Publisher
  readonly #partitioner = new Partitioner()
  readonly #consumers = new Set<Consumer>()
  readonly #calls = new Set<Promise<unknown>>()
  /** Per topic: the last call has found it. */
  readonly #found = new Map<string, Promise<unknown>>()
  #closed: Promise<void> | undefined

  constructor(location: RabbitmqLocation, options: OpenBrokerOptions) {
    this.#location = location
    this.#logger = options.logger
    this.#connector = new Connector(location, options.logger)
    this.#topics = new Topics(this.#connector, topicSettings(options))
    this.#publisher = new Publisher(this.#connector, (queue) =>
      this.#topics.forget(queue.slice(0, queue.lastIndexOf('/'))),
    )
  }

  async createTopic(topic: string): Promise<void> {
    this.#requireOpen()
    checkTopic(topic)
    await this.#run(`cannot create the topic ${topic}`, () =>
      this.#ensure(topic, performance.now() + this.#location.publishTimeoutMs),
    )
  }

  async publish(topic: string, messages: readonly Message[]): Promise<PublishedPosition[]> {
    this.#requireOpen()
    checkTopic(topic)
    checkMessages(messages, features.maxMessageBytes)
    if (messages.length === 0) return []
    return this.#run(`cannot publish to ${topic}`, () => this.#publish(topic, messages))
  }

  async subscribe(options: SubscribeOptions, handler: Handler): Promise<Subscription> {
    this.#requireOpen()
    checkTopic(options.topic)
    checkSubscription(options)
    const what = `cannot subscribe to ${options.topic} as ${options.group}`
    return this.#run(what, () => this.#subscribe(options, handler))
  }

  async hasHadConsumers(topic: string): Promise<boolean> {
    this.#requireOpen()
    return this.#run(`cannot look up the groups of ${topic}`, () =>
      this.#topics.hasHadConsumers(topic),
    )
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const closing = [...this.#consumers].map((consumer) => consumer.close())
    await Promise.allSettled([...closing, ...this.#calls])
    await this.#publisher.close()
  }

  async #publish(topic: string, messages: readonly Message[]): Promise<PublishedPosition[]> {
    const startedAtMs = performance.now()
    // Calls made while the topic is looked up wait in their order.
    const earlier = this.#found.get(topic)
    const finding = (async () => {
      await earlier?.catch(() => {})
      return this.#ensure(topic, startedAtMs + this.#location.publishTimeoutMs)
    })()
    this.#found.set(topic, finding)
    const partitions = await finding
    const { publishTimeoutMs } = this.#location
    const timeoutMs = Math.max(100, publishTimeoutMs - (performance.now() - startedAtMs))
    const outgoing = messages.map((message) => {
      const key = message.raw?.key ?? message.key
      const partition = this.#partitioner.partitionFor(key, partitions)
      return { queue: streamName(topic, partition), ...toAmqp(message) }
    })
    await this.#publisher.send(outgoing, `publish to ${topic}`, timeoutMs)
    // A confirm has no offset.
    return messages.map(() => ({}))
  }

  async #ensure(topic: string, endMs: number): Promise<number> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#topics.ensure(topic)
      } catch (error) {
        if (!isRetryable(error) || performance.now() > endMs) throw error
        await delay(50 + backOffMs(failures, 100, 1000))
      }
    }
  }

  async #subscribe(subscription: SubscribeOptions, handler: Handler): Promise<Subscription> {
    const consumer: Consumer = new Consumer({
      connector: this.#connector,
      publisher: this.#publisher,
      topics: this.#topics,
      subscription,
      handler,
      logger: this.#logger,
      onClosed: () => this.#consumers.delete(consumer),
    })
    this.#consumers.add(consumer)
    await consumer.join()
    return consumer
  }

  async #run<T>(what: string, action: () => Promise<T>): Promise<T> {
    const running = action()
    this.#calls.add(running)
    try {
      return await running
    } catch (error) {
      this.#requireOpen()
      throw asRabbitmqError(what, error, this.#location)
    } finally {
      this.#calls.delete(running)
    }
  }

  #requireOpen(): void {
    if (this.#closed === undefined) return
    throw new BrokerError('BROKER_CLOSED', 'The broker is closed. Open another one.')
  }
}
