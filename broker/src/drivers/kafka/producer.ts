import { setTimeout as delay } from 'node:timers/promises'
import type { Producer as KafkaProducer } from 'kafkajs'
import { BrokerError, type Message, type PublishedPosition } from '../../broker.js'
import { messageBytes } from '../../check-request.js'
import { partitionPosition } from '../../partition-position.js'
import { asKafkaError, isRetryable, rootOf } from './errors.js'
import { toKafka } from './kafka-message.js'
import type { KafkaLocation } from './location.js'
import { Partitioner } from './partitioner.js'
import { Sender, SendQueue } from './sender.js'
import type { Topics } from './topics.js'

interface ProducerOptions {
  readonly createProducer: () => KafkaProducer
  readonly topics: Topics
  readonly location: KafkaLocation
  /** Called before each repetition; `what` as for asKafkaError. */
  readonly onRetry: (what: string, error: unknown) => void
}

interface PublishCall {
  readonly topic: string
  readonly messages: readonly Message[]
  readonly positions: PublishedPosition[]
  unacknowledged: number
  /** Resolved, rejected, or timed out. */
  settled: boolean
  lastError: unknown
  resolve(positions: PublishedPosition[]): void
  reject(error: unknown): void
}

const retryEnsureMs = 200

/**
 * Publishes in the order of the calls. Not with kafkajs' idempotent producer, which can drop a
 * message as a duplicate after an error: here an event may be duplicated, but is never lost.
 */
export class Producer {
  readonly #options: ProducerOptions
  readonly #sender: Sender
  readonly #partitioner = new Partitioner()
  readonly #queues = new Map<string, SendQueue>()
  /** Per topic, the calls that wait until it exists. */
  readonly #waiting = new Map<string, PublishCall[]>()
  readonly #calls = new Set<Promise<unknown>>()

  constructor(options: ProducerOptions) {
    this.#options = options
    const ackTimeoutMs = Math.ceil(options.location.publishTimeoutMs / 2)
    this.#sender = new Sender(options.createProducer, ackTimeoutMs)
  }

  /** Resolves when all are durable. Rejects within publishTimeoutMs; some may be published even then. */
  publish(topic: string, messages: readonly Message[]): Promise<PublishedPosition[]> {
    if (messages.length === 0) return Promise.resolve([])
    const publishing = new Promise<PublishedPosition[]>((resolve, reject) => {
      const settle = () => {
        call.settled = true
        clearTimeout(timer)
      }
      const call: PublishCall = {
        topic,
        messages,
        positions: new Array(messages.length),
        unacknowledged: messages.length,
        settled: false,
        lastError: undefined,
        resolve: (positions) => {
          settle()
          resolve(positions)
        },
        reject: (error) => {
          settle()
          reject(asKafkaError(whatOf(topic), error, this.#options.location))
        },
      }
      const timer = setTimeout(
        () => call.reject(call.lastError ?? this.#timeoutError(topic)),
        this.#options.location.publishTimeoutMs,
      )
      this.#enqueueWhenTopicExists(call)
    })
    this.#calls.add(publishing)
    const remove = () => this.#calls.delete(publishing)
    publishing.then(remove, remove)
    return publishing
  }

  /** Waits for the calls in progress, then disconnects. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#calls)
    await this.#sender.close()
  }

  #enqueueWhenTopicExists(call: PublishCall): void {
    const waiting = this.#waiting.get(call.topic)
    if (waiting !== undefined) {
      waiting.push(call)
      return
    }
    this.#waiting.set(call.topic, [call])
    void this.#enqueueWaiting(call.topic)
  }

  /** Calls made while the topic is looked up wait too, so that their order is kept. */
  async #enqueueWaiting(topic: string): Promise<void> {
    const waiting = this.#waiting.get(topic) ?? []
    while (waiting.some(({ settled }) => !settled)) {
      try {
        const partitions = await this.#options.topics.ensure(topic)
        for (const call of waiting.splice(0)) if (!call.settled) this.#enqueue(call, partitions)
      } catch (error) {
        for (const call of waiting) this.#fail(call, error, isRetryable(error))
        await delay(retryEnsureMs)
      }
    }
    this.#waiting.delete(topic)
  }

  #enqueue(call: PublishCall, partitions: number): void {
    for (const [index, message] of call.messages.entries()) {
      const key = message.raw?.key ?? message.key
      const partition = this.#partitioner.partitionFor(key, partitions)
      this.#queue(call.topic, partition).push({
        message: toKafka(message),
        bytes: messageBytes(message),
        isAbandoned: () => call.settled,
        failed: (error, retryable) => this.#fail(call, error, retryable),
        sent: (offset) => {
          call.positions[index] = partitionPosition(partition, String(offset))
          call.unacknowledged -= 1
          if (call.unacknowledged === 0 && !call.settled) call.resolve(call.positions)
        },
      })
    }
  }

  #queue(topic: string, partition: number): SendQueue {
    const name = `${topic}/${partition}`
    const existing = this.#queues.get(name)
    if (existing !== undefined) return existing
    const queue = new SendQueue({
      send: async (messages) => {
        await this.#options.topics.ensure(topic)
        return this.#sender.send(topic, partition, messages)
      },
      onRetry: (error, retries) => {
        const { name, type } = rootOf(error)
        if (type === 'UNKNOWN_TOPIC_OR_PARTITION') this.#options.topics.forget(topic)
        if (name === 'KafkaJSRequestTimeoutError' || retries % 4 === 3) this.#sender.renew()
      },
    })
    this.#queues.set(name, queue)
    return queue
  }

  /** A retryable error does not reject the call before its timeout. */
  #fail(call: PublishCall, error: unknown, retryable: boolean): void {
    call.lastError = error
    if (call.settled) return
    if (retryable) this.#options.onRetry(whatOf(call.topic), error)
    else call.reject(error)
  }

  #timeoutError(topic: string): BrokerError {
    const { brokers, publishTimeoutMs } = this.#options.location
    return new BrokerError(
      'BROKER_UNREACHABLE',
      `Cannot publish to ${topic}: Kafka at ${brokers.join(', ')} did not respond within ${publishTimeoutMs} ms. Is it running, and is the address right?`,
    )
  }
}

const whatOf = (topic: string) => `cannot publish to ${topic}`
