import { setTimeout as delay } from 'node:timers/promises'
import kafkajs, { type Message as KafkaMessage, type Producer as KafkaProducer } from 'kafkajs'
import { Fifo } from '../../fifo.js'
import { isRetryable, rootOf } from './errors.js'

/** One message to send. */
interface QueuedMessage {
  readonly message: KafkaMessage
  readonly bytes: number
  /** Whether its caller no longer waits. */
  readonly isAbandoned: () => boolean
  readonly sent: (offset: bigint) => void
  /** Called again for each retry. If `retryable`, it is retried. */
  readonly failed: (error: unknown, retryable: boolean) => void
}

interface SendQueueOptions {
  /** Resolves to the offset of the first message. */
  readonly send: (messages: KafkaMessage[]) => Promise<bigint>
  /** Called before each retry. */
  readonly onRetry: (error: unknown, retries: number) => void
}

/** The largest batch: it counts as one message against the topic's limit. */
const maxBatchBytes = 512 * 1024
const backoffMs = [50, 100, 200, 400]

/**
 * The messages for one partition, sent in order with one request in flight; those that wait
 * meanwhile share the next request. A failed request is repeated: its messages may be duplicated,
 * never lost or reordered.
 */
export class SendQueue {
  readonly #options: SendQueueOptions
  readonly #queue = new Fifo<QueuedMessage>()
  #sending = false

  constructor(options: SendQueueOptions) {
    this.#options = options
  }

  push(message: QueuedMessage): void {
    this.#queue.push(message)
    if (this.#sending) return
    this.#sending = true
    void this.#sendAll()
  }

  async #sendAll(): Promise<void> {
    // Messages published in the same turn of the event loop share a request.
    await Promise.resolve()
    for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch())
      await this.#sendBatch(batch)
    this.#sending = false
  }

  #nextBatch(): QueuedMessage[] {
    const batch: QueuedMessage[] = []
    let bytes = 0
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      if (!next.isAbandoned()) {
        bytes += next.bytes
        if (batch.length > 0 && bytes > maxBatchBytes) break
        batch.push(next)
      }
      this.#queue.shift()
    }
    return batch
  }

  async #sendBatch(messages: readonly QueuedMessage[]): Promise<void> {
    let batch = messages
    for (let retries = 0; batch.length > 0; retries += 1) {
      try {
        const first = await this.#options.send(batch.map(({ message }) => message))
        for (const [index, { sent }] of batch.entries()) sent(first + BigInt(index))
        return
      } catch (error) {
        // The topic's own limit may be lower than ours.
        if (rootOf(error).type === 'MESSAGE_TOO_LARGE' && batch.length > 1) {
          for (const single of batch) await this.#sendBatch([single])
          return
        }
        const retryable = isRetryable(error)
        for (const { failed } of batch) failed(error, retryable)
        if (!retryable) return
        this.#options.onRetry(error, retries)
        await delay(backoffMs[Math.min(retries, backoffMs.length - 1)])
        batch = batch.filter(({ isAbandoned }) => !isAbandoned())
      }
    }
  }
}

/** The messages for one partition in a request. */
interface PartitionBatch {
  readonly partition: number
  readonly messages: KafkaMessage[]
  /** Gets the offset of the first; the others follow it. */
  readonly resolve: (offset: bigint) => void
  readonly reject: (error: unknown) => void
}

/** How long each partition gets requests of its own after an error. */
const isolateMs = 10_000

/** The connection that messages are sent on, opened when it is first needed and replaced if it is dead. */
export class Sender {
  readonly #create: () => KafkaProducer
  readonly #ackTimeoutMs: number
  readonly #gathered = new Map<string, PartitionBatch[]>()
  #isolateUntil = 0
  #producer: Promise<KafkaProducer> | undefined

  constructor(create: () => KafkaProducer, ackTimeoutMs: number) {
    this.#create = create
    this.#ackTimeoutMs = ackTimeoutMs
  }

  /**
   * Resolves to the offset of the first; the others follow it. Rejects with kafkajs' error. Batches
   * for one topic in one turn of the event loop share a request, which costs more than its messages.
   */
  send(topic: string, partition: number, messages: KafkaMessage[]): Promise<bigint> {
    return new Promise((resolve, reject) => {
      const batch = { partition, messages, resolve, reject }
      if (performance.now() < this.#isolateUntil) {
        void this.#request(topic, [batch])
        return
      }
      const gathered = this.#gathered.get(topic)
      if (gathered !== undefined) {
        gathered.push(batch)
        return
      }
      const batches = [batch]
      this.#gathered.set(topic, batches)
      setImmediate(() => {
        this.#gathered.delete(topic)
        void this.#request(topic, batches)
      })
    })
  }

  async #request(topic: string, batches: readonly PartitionBatch[]): Promise<void> {
    try {
      const producer = await this.#connected()
      const responses = await producer.send({
        topic,
        messages: batches.flatMap(({ partition, messages }) =>
          messages.map((message) => ({ ...message, partition })),
        ),
        acks: -1,
        // Not compressed: the broker compresses as the topic is configured.
        timeout: this.#ackTimeoutMs,
      })
      for (const { partition, resolve, reject } of batches) {
        const offset = responses.find((response) => response.partition === partition)?.baseOffset
        // kafkajs sends nothing to a partition that it does not know, without an error.
        if (offset === undefined)
          reject(new UnknownPartition(`unknown partition ${partition} of ${topic}`))
        else resolve(BigInt(offset))
      }
    } catch (error) {
      this.#isolateUntil = performance.now() + isolateMs
      // One partition's error fails the whole request in kafkajs: repeat it for each partition.
      if (batches.length > 1 && !isRetryable(error))
        for (const batch of batches) void this.#request(topic, [batch])
      else for (const { reject } of batches) reject(error)
    }
  }

  /** Opens a new connection: kafkajs keeps one on which a response never came, and would wait forever. */
  renew(): void {
    const producer = this.#producer
    this.#producer = undefined
    void producer?.then((old) => old.disconnect()).catch(() => {})
  }

  async close(): Promise<void> {
    await this.#producer?.then((producer) => producer.disconnect()).catch(() => {})
  }

  #connected(): Promise<KafkaProducer> {
    this.#producer ??= (async () => {
      const producer = this.#create()
      await producer.connect()
      return producer
    })().catch((error: unknown) => {
      this.#producer = undefined
      throw error
    })
    return this.#producer
  }
}

class UnknownPartition extends kafkajs.KafkaJSError {}
