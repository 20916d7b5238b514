import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { jetstream } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import { backOffMs } from '../../back-off.js'
import { BrokerError, type Message, type PublishedPosition } from '../../broker.js'
import { Fifo } from '../../fifo.js'
import { partitionPosition } from '../../partition-position.js'
import { Partitioner } from '../kafka/partitioner.js'
import type { LazyConnection } from './connection.js'
import { asNatsError, isAnswer, isRetryable } from './errors.js'
import type { NatsLocation } from './location.js'
import { headerBytes, toNatsHeaders } from './nats-message.js'
import { subjectOf, type Topics } from './topics.js'

export interface PublisherOptions {
  readonly location: NatsLocation
  /** One that does not reconnect: what is sent on it and not acknowledged fails together. */
  readonly connection: LazyConnection
  readonly topics: Topics
  /** Called before each repetition; `what` as for asNatsError. */
  readonly onRetry: (what: string, error: unknown) => void
}

/** One call of `publish`. */
interface Call {
  readonly topic: string
  readonly startedAt: number
  failed: boolean
}

/** The most messages sent and not acknowledged. Servers from 2.11 on refuse what exceeds their queue. */
const maxUnacknowledged = 128

/**
 * Sends one message of a key at a time: the next one once the server has stored it, so that an error in
 * between changes no order. A message is sent again with the same id, which the server stores once.
 */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #partitioner = new Partitioner()
  /** The last message of each key that has one under way. */
  readonly #tails = new Map<string, Promise<unknown>>()
  readonly #waiting = new Fifo<() => void>()
  #unacknowledged = 0
  #acknowledgedAt = 0
  #closed = false

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Rejects with BrokerError when nothing was acknowledged for `publishTimeoutMs`, or with what is final at once. */
  async publish(topic: string, messages: readonly Message[]): Promise<PublishedPosition[]> {
    const call: Call = { topic, startedAt: performance.now(), failed: false }
    const sends = messages.map((message) => this.#inOrder(call, message))
    const results = await Promise.allSettled(sends)
    const failed = results.find((result) => result.status === 'rejected')
    if (failed === undefined) return Promise.all(sends)
    throw asNatsError(whatOf(topic), failed.reason, this.#options.location)
  }

  close(): void {
    this.#closed = true
  }

  #inOrder(call: Call, message: Message): Promise<PublishedPosition> {
    if (message.key === null) return this.#send(call, message)
    const name = `${call.topic}/${message.key}`
    const sent = (this.#tails.get(name) ?? Promise.resolve()).then(
      () => this.#send(call, message),
      () => this.#send(call, message),
    )
    this.#tails.set(name, sent)
    const done = () => {
      if (this.#tails.get(name) === sent) this.#tails.delete(name)
    }
    sent.then(done, done)
    return sent
  }

  async #send(call: Call, message: Message): Promise<PublishedPosition> {
    await this.#begin()
    try {
      const id = randomUUID()
      for (let failures = 1; ; failures += 1) {
        if (this.#closed) throw new BrokerError('BROKER_CLOSED', 'The broker was closed.')
        // The rest of a call that fails is not sent: its order would be lost.
        if (call.failed) throw new BrokerError('BROKER_FAILED', 'an earlier message failed')
        try {
          return await this.#trySend(call, message, id)
        } catch (error) {
          if (this.#leftMs(call) > 0 && !this.#closed && isRetryable(error)) {
            this.#options.onRetry(whatOf(call.topic), error)
            // Without an answer nothing is known of the topic, and asking may take longer than sending again.
            if (isAnswer(error)) this.#options.topics.forget(call.topic)
            await delay(backOffMs(failures, 50, 400))
          } else {
            call.failed = true
            throw error
          }
        }
      }
    } finally {
      this.#unacknowledged -= 1
      this.#waiting.shift()?.()
    }
  }

  async #trySend(call: Call, message: Message, id: string): Promise<PublishedPosition> {
    const { connection, topics } = this.#options
    const topic = await topics.ensure(call.topic)
    const link = await connection.open()
    const headers = toNatsHeaders(message)
    requireFits(message.value.byteLength + headerBytes(headers), link.nats.info?.max_payload)
    const partition = this.#partitioner.partitionFor(
      message.raw?.key ?? message.key,
      topic.partitions,
    )
    try {
      const timeout = Math.max(100, this.#leftMs(call))
      const subject = subjectOf(topic, partition)
      const { seq } = await link.orLost(
        jetstream(link.nats).publish(subject, message.value, { msgID: id, headers, timeout }),
      )
      // The copy that was sent before is not stored yet, and may never be:
      // https://github.com/nats-io/nats-server/pull/5827
      if (seq === 0) throw new errors.TimeoutError()
      this.#acknowledgedAt = performance.now()
      return partitionPosition(partition, String(seq))
    } catch (error) {
      // Its answer may never come, nor others on this connection.
      if ((error as Error).name === 'TimeoutError') await connection.close()
      throw error
    }
  }

  #leftMs({ startedAt }: Call): number {
    const since = Math.max(startedAt, this.#acknowledgedAt)
    return since + this.#options.location.publishTimeoutMs - performance.now()
  }

  async #begin(): Promise<void> {
    while (this.#unacknowledged >= maxUnacknowledged)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#unacknowledged += 1
  }
}

const whatOf = (topic: string) => `cannot publish to ${topic}`

function requireFits(bytes: number, maxBytes = Number.POSITIVE_INFINITY): void {
  // What the library adds: the message's id.
  const added = 60
  if (bytes + added <= maxBytes) return
  throw new BrokerError(
    'BROKER_MESSAGE_TOO_LARGE',
    `The message has ${bytes + added} bytes with its headers; the server accepts ${maxBytes} at most. Send less, or raise max_payload of the server.`,
  )
}
