import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { type Connector, closeQuietly } from './connection.js'

interface Token {
  readonly message: ConsumeMessage
  readonly offset: bigint
}

interface LeaseOptions {
  readonly connector: Connector
  readonly connection: ChannelModel
  readonly queue: string
  /** Publishes a token. */
  readonly publish: (offset: bigint) => Promise<void>
  /** This consumer has become the active one. `offset`: the highest that the group committed. */
  readonly onHeld: (offset: bigint) => void
  /** A member that waits asks for a partition. */
  readonly onRequest: () => void
  /** The channel has closed without `release`, or the queue was deleted. */
  readonly onLost: () => void
}

/**
 * A member's consumer on the lease queue of a partition. The queue has a single active consumer, and its
 * messages are tokens: each is an offset that the group committed, and the highest counts. The active
 * consumer gets the tokens and keeps them unacknowledged: its member holds the partition. It commits by
 * publishing a higher token and, once it has received that, acknowledging the lower ones. When its channel
 * closes, RabbitMQ makes the consumer that registered next the active one, and sends it the tokens.
 */
export class Lease {
  readonly #options: LeaseOptions
  #channel: Channel | undefined
  #tokens: Token[] = []
  #isHeld = false
  #released = false
  #onToken: (() => void)[] = []

  constructor(options: LeaseOptions) {
    this.#options = options
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Resolves when RabbitMQ has registered the consumer, active or not. */
  async register(): Promise<void> {
    const { connector, connection, queue, onLost } = this.#options
    const channel = await connector.openChannel(connection)
    this.#channel = channel
    channel.on('close', () => {
      this.#isHeld = false
      if (!this.#released) onLost()
      for (const wake of this.#onToken.splice(0)) wake()
    })
    await channel.consume(queue, (message) => this.#take(channel, message))
    if (this.#released) await closeQuietly(channel)
  }

  /** Resolves when the group's offset is `offset` or higher. Rejects with BrokerError. */
  async commit(offset: bigint): Promise<void> {
    await this.#options.publish(offset)
    // RabbitMQ has the token now; the lower ones are not needed once it is here.
    while (this.#isHeld && !this.#released && this.#highest() < offset) {
      await new Promise<void>((resolve) => this.#onToken.push(resolve))
    }
  }

  /** Closes the consumer; if it was active, the next one becomes active. Never rejects. */
  async release(): Promise<void> {
    this.#released = true
    this.#isHeld = false
    for (const wake of this.#onToken.splice(0)) wake()
    await closeQuietly(this.#channel)
  }

  #take(channel: Channel, message: ConsumeMessage | null): void {
    if (this.#released) return
    if (message === null) {
      void closeQuietly(channel)
      return
    }
    const isFirst = this.#tokens.length === 0
    const offset = BigInt(message.content.toString())
    this.#tokens.push({ message, offset })
    if (offset < 0n && this.#isHeld) this.#options.onRequest()
    if (isFirst) void this.#hold(channel)
    else if (this.#isHeld) this.#acknowledgeLower(channel)
    for (const wake of this.#onToken.splice(0)) wake()
  }

  /** Several tokens may wait: all of them must be here before the highest is known. */
  async #hold(channel: Channel): Promise<void> {
    try {
      while ((await channel.checkQueue(this.#options.queue)).messageCount > 0) {}
      if (this.#released) return
      this.#isHeld = true
      this.#acknowledgeLower(channel)
      this.#options.onHeld(this.#highest())
    } catch {
      // The channel has closed: onLost was called.
    }
  }

  #highest(): bigint {
    return this.#tokens.reduce((most, { offset }) => (offset > most ? offset : most), 0n)
  }

  #acknowledgeLower(channel: Channel): void {
    const highest = this.#highest()
    const kept = this.#tokens.findLast(({ offset }) => offset === highest)
    for (const token of this.#tokens) if (token !== kept) channel.ack(token.message)
    this.#tokens = kept === undefined ? [] : [kept]
  }
}
