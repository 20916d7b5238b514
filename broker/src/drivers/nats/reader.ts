import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import {
  AckPolicy,
  type Consumer,
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamManager,
  type JsMsg,
  jetstreamManager,
} from '@nats-io/jetstream'
import { type NatsConnection, nanos } from '@nats-io/transport-node'
import { backOffMs } from '../../back-off.js'
import { isNotFound } from './errors.js'
import { StreamEnd } from './stream-end.js'
import { type NatsTopic, subjectOf } from './topics.js'

export interface ReaderOptions {
  readonly nats: NatsConnection
  readonly topic: NatsTopic
  readonly partition: number
  readonly timeoutMs: number
  readonly logger: Logger
  /** The sequence to begin with. Asked each time the server has lost the consumer. */
  readonly from: () => bigint
  /** How many messages may be fetched now. */
  readonly room: () => number
  readonly onMessage: (message: JsMsg) => void
  /** The stream ends before `from`: it was deleted and made again. */
  readonly onRestarted: () => void
  /** The stream is not there; to be created. */
  readonly onMissing: () => Promise<unknown>
}

const maxBatch = 100
const maxBatchBytes = 4 * 1024 * 1024
const fetchMs = 30_000
/** After two without a heartbeat from the server that has the consumer, it is created on another server. */
const heartbeatMs = 2000
const inactiveMs = 60_000
const countedMs = 1000

/**
 * Reads a partition from a sequence on, in order, as far as there is room: by an ephemeral consumer without
 * acknowledgements, which the server may lose and which is then made again.
 */
export class Reader {
  readonly #options: ReaderOptions
  readonly #end: StreamEnd
  #consumer: Consumer | undefined
  #messages: ConsumerMessages | undefined
  #received = 0
  /** The sequence after the last message received. */
  #next = 0n
  #largestBytes = 1024
  #stopped = false
  #onRoom = () => {}
  readonly #done: Promise<void>

  constructor(options: ReaderOptions) {
    this.#options = options
    this.#end = new StreamEnd(options.topic)
    this.#done = this.#run()
  }

  /** There may be room again. */
  refill(): void {
    this.#onRoom()
  }

  /**
   * To be called when the connection was lost and is there again: messages may have been on their way, and
   * if they were the last ones, no later message shows that they are missing.
   */
  readAgain(): void {
    this.#consumer = undefined
    this.#messages?.stop()
  }

  /** Resolves when no more messages come. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#onRoom()
    this.#messages?.stop()
    await this.#done
    // The server would delete it some time later.
    void this.#consumer?.delete().catch(() => {})
  }

  /** Messages in the stream that did not reach `onMessage` yet. Rejects with the library's error. */
  async pending(): Promise<number> {
    for (let tries = 1; ; tries += 1) {
      const consumer = this.#consumer
      try {
        if (consumer === undefined) throw new Error('the consumer is being created')
        const manager = await this.#manager()
        const last = await this.#end.lastSequence(manager.streams, this.#options.partition)
        const received = this.#received
        const pending = await this.#countPending(manager, last)
        if (consumer === this.#consumer && pending !== undefined)
          return Math.max(0, pending + received - this.#received)
        if (tries === 20) throw new Error('a replica of the stream is behind')
      } catch (error) {
        if (this.#stopped) return 0
        if (tries === 20 || (consumer !== undefined && !isNotFound(error))) throw error
        // `#run` would find this out too, but later.
        if (consumer !== undefined) this.#messages?.stop()
      }
      await delay(100)
    }
  }

  /**
   * Counts by another consumer: the server counts what a stream has for a new one when it creates it, but
   * adds what is published later only after its answer to the publisher (nats-server: processStreamSignal).
   * Undefined if the server that has the consumer is behind.
   */
  async #countPending(
    { consumers }: JetStreamManager,
    lastSequence: bigint,
  ): Promise<number | undefined> {
    const { topic, partition } = this.#options
    const next = this.#next
    const { name, num_pending } = await consumers.add(topic.stream, {
      ...readsFrom(subjectOf(topic, partition), next),
      inactive_threshold: nanos(countedMs),
    })
    void consumers.delete(topic.stream, name).catch(() => {})
    const isBehind = num_pending === 0 && lastSequence > 0n && lastSequence >= next
    return isBehind ? undefined : num_pending
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stopped; ) {
      try {
        this.#consumer ??= await this.#open()
        const room = await this.#untilRoom()
        if (this.#stopped) return
        await this.#fetch(this.#consumer, room)
        failures = 0
      } catch (error) {
        this.#consumer = undefined
        failures += 1
        this.#options.logger.debug({ err: error, failures }, 'reading to begin again')
        if (!this.#stopped) await delay(backOffMs(failures, 100, 2000))
      }
    }
  }

  async #fetch(consumer: Consumer, room: number): Promise<void> {
    const bySize = Math.max(1, Math.floor(maxBatchBytes / this.#largestBytes))
    this.#messages = await consumer.fetch({
      max_messages: Math.min(maxBatch, room, bySize),
      expires: fetchMs,
      idle_heartbeat: heartbeatMs,
    })
    if (this.#stopped || consumer !== this.#consumer) this.#messages.stop()
    for await (const message of this.#messages) {
      // Those between were sent on a connection that was lost: the server does not send them again.
      if (message.info.deliverySequence !== this.#received + 1)
        throw new Error('messages were lost')
      this.#received += 1
      this.#next = BigInt(message.seq) + 1n
      this.#largestBytes = Math.max(this.#largestBytes, message.data.byteLength)
      this.#options.onMessage(message)
    }
  }

  async #open(): Promise<Consumer> {
    const { topic, partition } = this.#options
    const manager = await this.#manager()
    const { state, created } = await manager.streams
      .info(topic.stream)
      .catch(async (error: unknown) => {
        if (isNotFound(error)) await this.#options.onMissing()
        throw error
      })
    if (this.#end.isBefore(this.#options.from(), created, state.last_seq))
      this.#options.onRestarted()
    const from = this.#options.from()
    const info = await manager.consumers.add(topic.stream, {
      ...readsFrom(subjectOf(topic, partition), from),
      name: `read-${randomUUID()}`,
      inactive_threshold: nanos(inactiveMs),
    })
    this.#next = from
    this.#received = 0
    return manager.jetstream().consumers.getConsumerFromInfo(info)
  }

  #manager(): Promise<JetStreamManager> {
    const { nats, timeoutMs } = this.#options
    return jetstreamManager(nats, { timeout: timeoutMs, checkAPI: false })
  }

  async #untilRoom(): Promise<number> {
    for (;;) {
      const room = this.#options.room()
      if (room > 0 || this.#stopped) return room
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve
      })
    }
  }
}

/** A consumer in the memory of one server, without acknowledgements. */
const readsFrom = (subject: string, from: bigint) =>
  ({
    filter_subject: subject,
    ack_policy: AckPolicy.None,
    mem_storage: true,
    num_replicas: 1,
    ...(from > 0n
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Number(from) }
      : { deliver_policy: DeliverPolicy.All }),
  }) as const
