import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { backOffMs } from '../../back-off.js'
import type { LaneEvent, Lanes } from '../../lanes.js'
import { toLaneEvent } from './amqp-message.js'
import { type Connector, closeQuietly } from './connection.js'
import { isNotFound } from './errors.js'
import { streamName } from './names.js'

interface StreamReaderOptions {
  readonly connector: Connector
  readonly connection: ChannelModel
  readonly topic: string
  readonly partition: number
  readonly lanes: Lanes
  readonly logger: Logger
  /** The stream does not exist: the topic was deleted. */
  readonly onNoStream: () => void
}

/** Messages that RabbitMQ sends ahead of those the lanes have taken. */
const prefetch = 64

/** Reads the stream of a partition into lanes, as far as they have room. */
export class StreamReader {
  readonly #options: StreamReaderOptions
  #channel: Channel | undefined
  #pending: { event: LaneEvent; message: ConsumeMessage }[] = []
  #stopped = false

  constructor(options: StreamReaderOptions) {
    this.#options = options
  }

  /** Reads until it is stopped; opens the stream again after an error. Never rejects. */
  async start(): Promise<void> {
    const { partition, logger, onNoStream } = this.#options
    for (let failures = 1; !this.#stopped; failures += 1) {
      try {
        await this.#open()
        return
      } catch (error) {
        if (this.#stopped) return
        if (isNotFound(error)) {
          onNoStream()
          return
        }
        logger.warn({ err: error, partition }, 'could not read a stream; will try again')
        await delay(100 + backOffMs(failures, 200, 5000))
      }
    }
  }

  /** There may be room: passes on what waits. */
  feed(): void {
    if (this.#stopped || this.#pending.length === 0) return
    const taken = this.#options.lanes.push(this.#pending.map(({ event }) => event))
    const last = this.#pending.splice(0, taken).at(-1)
    if (last === undefined) return
    try {
      // Lets RabbitMQ send as many more.
      this.#channel?.ack(last.message, true)
    } catch {
      // The channel has closed: it is opened again.
    }
  }

  /** Asks RabbitMQ whether it has an event of the stream for this member. Rejects if the channel has closed. */
  async hasEvents(): Promise<boolean> {
    // What was there when it was asked comes before the answer.
    if (!this.#hasReceived) await this.#channel?.prefetch(prefetch)
    return this.#hasReceived
  }

  get #hasReceived(): boolean {
    return this.#pending.length > 0 || (this.#options.lanes.position ?? 0n) > 0n
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#pending = []
    await closeQuietly(this.#channel)
  }

  async #open(): Promise<void> {
    const { connector, connection, topic, partition, lanes } = this.#options
    const channel = await connector.openChannel(connection)
    this.#channel = channel
    this.#pending = []
    channel.on('close', () => {
      // RabbitMQ closes it if an event waited here for longer than its consumer_timeout.
      if (!this.#stopped && this.#channel === channel) void this.start()
    })
    await channel.prefetch(prefetch)
    await channel.consume(
      streamName(topic, partition),
      (message) => {
        if (this.#stopped || this.#channel !== channel) return
        if (message === null) void closeQuietly(channel)
        else this.#pending.push({ event: toLaneEvent(topic, partition, message), message })
        this.feed()
      },
      { arguments: { 'x-stream-offset': Number(lanes.position ?? 0n) } },
    )
    if (this.#stopped) await closeQuietly(channel)
  }
}
