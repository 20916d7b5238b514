import { setTimeout as delay } from 'node:timers/promises'
import type { Message as KafkaMessage, Producer as KafkaProducer } from 'kafkajs'
import { BrokerError, type Message, type Published } from '../../broker.js'
import { messageBytes } from '../../check-request.js'
import { asKafkaError, isPassing, rootOf } from './errors.js'
import type { KafkaLocation } from './location.js'
import { PartitionLine } from './partition-line.js'
import { Partitioner } from './partitioner.js'
import { Sender } from './sender.js'
import type { Topics } from './topics.js'

export interface ProducerOptions {
  readonly createProducer: () => KafkaProducer
  readonly topics: Topics
  readonly location: KafkaLocation
}

interface Call {
  readonly topic: string
  readonly messages: readonly Message[]
  readonly published: Published[]
  missing: number
  /** Answered: by success, by failure, or because its time was over. */
  settled: boolean
  lastFault: unknown
  resolve(published: Published[]): void
  reject(error: unknown): void
}

const ensureAgainMs = 200

/**
 * Publishes in the order of the calls. Not with kafkajs' idempotent producer: that one can drop a
 * message as a duplicate after an error. So an event may be doubled here, never lost.
 */
export class Producer {
  readonly #options: ProducerOptions
  readonly #sender: Sender
  readonly #partitioner = new Partitioner()
  readonly #lines = new Map<string, PartitionLine>()
  /** Per topic, the calls that wait for it to be there. */
  readonly #waiting = new Map<string, Call[]>()
  readonly #calls = new Set<Promise<unknown>>()

  constructor(options: ProducerOptions) {
    this.#options = options
    const ackTimeoutMs = Math.ceil(options.location.publishTimeoutMs / 2)
    this.#sender = new Sender(options.createProducer, ackTimeoutMs)
  }

  /** Resolves when all are durable. Rejects within publishTimeoutMs; some may be published then. */
  publish(topic: string, messages: readonly Message[]): Promise<Published[]> {
    if (messages.length === 0) return Promise.resolve([])
    const publishing = new Promise<Published[]>((resolve, reject) => {
      const settle = () => {
        call.settled = true
        clearTimeout(timer)
      }
      const call: Call = {
        topic,
        messages,
        published: new Array(messages.length),
        missing: messages.length,
        settled: false,
        lastFault: undefined,
        resolve: (published) => {
          settle()
          resolve(published)
        },
        reject: (error) => {
          settle()
          reject(asKafkaError(`cannot publish to ${topic}`, error, this.#options.location))
        },
      }
      const timer = setTimeout(
        () => call.reject(call.lastFault ?? this.#noAnswer(topic)),
        this.#options.location.publishTimeoutMs,
      )
      this.#enter(call)
    })
    this.#calls.add(publishing)
    const forget = () => this.#calls.delete(publishing)
    publishing.then(forget, forget)
    return publishing
  }

  /** Waits for what was published until now, then disconnects. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#calls)
    await this.#sender.close()
  }

  #enter(call: Call): void {
    const waiting = this.#waiting.get(call.topic)
    if (waiting !== undefined) {
      waiting.push(call)
      return
    }
    this.#waiting.set(call.topic, [call])
    void this.#placeWaiting(call.topic)
  }

  /** Those that come while the topic is looked up wait in line, so that none overtakes another. */
  async #placeWaiting(topic: string): Promise<void> {
    const waiting = this.#waiting.get(topic) ?? []
    while (waiting.some(({ settled }) => !settled)) {
      try {
        const partitions = await this.#options.topics.ensure(topic)
        for (const call of waiting.splice(0)) if (!call.settled) this.#place(call, partitions)
      } catch (error) {
        for (const call of waiting) fail(call, error, isPassing(error))
        await delay(ensureAgainMs)
      }
    }
    this.#waiting.delete(topic)
  }

  #place(call: Call, partitions: number): void {
    for (const [index, message] of call.messages.entries()) {
      const key = message.raw?.key ?? message.key
      const partition = this.#partitioner.place(key, partitions)
      this.#line(call.topic, partition).push({
        message: toKafka(message),
        bytes: messageBytes(message),
        abandoned: () => call.settled,
        failed: (error, passing) => fail(call, error, passing),
        sent: (offset) => {
          call.published[index] = { partition, offset: String(offset) }
          call.missing -= 1
          if (call.missing === 0 && !call.settled) call.resolve(call.published)
        },
      })
    }
  }

  #line(topic: string, partition: number): PartitionLine {
    const name = `${topic}/${partition}`
    const known = this.#lines.get(name)
    if (known !== undefined) return known
    const line = new PartitionLine({
      send: async (messages) => {
        await this.#options.topics.ensure(topic)
        return this.#sender.send(topic, partition, messages)
      },
      onFault: (error, tries) => {
        const { name, type } = rootOf(error)
        if (type === 'UNKNOWN_TOPIC_OR_PARTITION') this.#options.topics.forget(topic)
        if (name === 'KafkaJSRequestTimeoutError' || tries % 4 === 3) this.#sender.renew()
      },
    })
    this.#lines.set(name, line)
    return line
  }

  #noAnswer(topic: string): BrokerError {
    const { brokers, publishTimeoutMs } = this.#options.location
    return new BrokerError(
      'BROKER_UNREACHABLE',
      `Cannot publish to ${topic}: Kafka at ${brokers.join(', ')} did not answer within ${publishTimeoutMs} ms. Is it running, and is the address right?`,
    )
  }
}

function toKafka({ key, value, headers, raw }: Message): KafkaMessage {
  if (raw === undefined) {
    const views = Object.entries(headers).map(([name, header]) => [name, view(header)])
    return { key, value: view(value), headers: Object.fromEntries(views) }
  }
  const views = Object.entries(raw.headers).map(([name, values]) => [name, values.map(view)])
  const rawKey = raw.key === null ? null : view(raw.key)
  return { key: rawKey, value: view(value), headers: Object.fromEntries(views) }
}

const view = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer, byteOffset, byteLength)

/** A fault that may pass is only remembered: the call ends with it when its time is over. */
function fail(call: Call, error: unknown, passing: boolean): void {
  call.lastFault = error
  if (!passing && !call.settled) call.reject(error)
}
