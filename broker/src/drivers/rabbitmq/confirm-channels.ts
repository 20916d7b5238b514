import type { ChannelModel, ConfirmChannel } from 'amqplib'
import { type Connector, closeQuietly } from './connection.js'

export interface ConfirmChannelsOptions {
  readonly connector: Connector
  readonly connection: ChannelModel
  /** RabbitMQ closes the channel of a queue for a message that it refuses; onLost follows. */
  readonly onRefused: (queue: string, error: unknown) => void
  /** There is no such queue: RabbitMQ returned a message. Called before its confirm. */
  readonly onReturned: (queue: string) => void
  /** The connection or a channel is lost. Called at most once, and not after `close`. */
  readonly onLost: (error: unknown) => void
}

/** Above this number, the channel of a queue that is not in use is closed. RabbitMQ allows 2,047 by default. */
const maxChannels = 256

/**
 * A connection with a confirm channel for each queue that is published to. A channel with several streams
 * would lose events: when a stream gets a new leader, RabbitMQ 3 sends it again what is not confirmed, with
 * the numbers that the messages have in the channel instead of those they have in the stream. It then takes
 * others for duplicates and confirms them without writing them
 * (https://github.com/rabbitmq/rabbitmq-server/pull/12236). With one stream both numbers are the same.
 */
export class ConfirmChannels {
  readonly #options: ConfirmChannelsOptions
  /** In the order in which they were opened. */
  readonly #channels = new Map<string, ConfirmChannel>()
  /** Why RabbitMQ takes no messages now. */
  #blockedBy: string | undefined
  #closed = false

  constructor(options: ConfirmChannelsOptions) {
    this.#options = options
    const { connection } = options
    connection.on('blocked', (reason) => {
      this.#blockedBy = reason
    })
    connection.on('unblocked', () => {
      this.#blockedBy = undefined
    })
    let reason: unknown = new Error('the connection was lost')
    connection.on('error', (error) => {
      reason = error
    })
    connection.on('close', () => this.#lost(reason))
  }

  get blockedBy(): string | undefined {
    return this.#blockedBy
  }

  get(queue: string): ConfirmChannel | undefined {
    return this.#channels.get(queue)
  }

  /** Opens a channel; closes the oldest one that is not in use if there are many. Rejects with amqplib's error. */
  async open(queue: string, isUsed: (queue: string) => boolean): Promise<void> {
    const { connector, connection, onReturned, onRefused } = this.#options
    const channel = await connector.openConfirmChannel(connection)
    if (this.#channels.size >= maxChannels) {
      const unused = [...this.#channels].find(([each]) => !isUsed(each))
      if (unused !== undefined) this.#channels.delete(unused[0])
      void closeQuietly(unused?.[1])
    }
    this.#channels.set(queue, channel)
    let reason: unknown = new Error('the channel was closed')
    const isInUse = () => this.#channels.get(queue) === channel
    channel.on('error', (error) => {
      reason = error
      if (isInUse()) onRefused(queue, error)
    })
    channel.on('return', () => onReturned(queue))
    channel.on('close', () => {
      if (isInUse()) this.#lost(reason)
    })
  }

  /** Never rejects. */
  async close(): Promise<void> {
    this.#closed = true
    await closeQuietly(this.#options.connection)
  }

  #lost(error: unknown): void {
    if (this.#closed) return
    this.#closed = true
    this.#options.onLost(error)
  }
}
