import type { ChannelModel } from 'amqplib'
import type { TopicSettings } from '../../check-request.js'
import { type Connector, closeQuietly } from './connection.js'
import { isNotFound } from './errors.js'
import { joinedQueueName, streamName } from './names.js'

/** A stream drops whole segments that are past its age: small ones, so that little stays for longer. */
const segmentBytes = 10_000_000

/** Creates topics that are absent, and caches the number of partitions. */
export class Topics {
  readonly #connector: Connector
  readonly #settings: TopicSettings
  readonly #known = new Map<string, Promise<number>>()

  constructor(connector: Connector, settings: TopicSettings) {
    this.#connector = connector
    this.#settings = settings
  }

  /** Resolves to the topic's number of partitions once it exists. Rejects with amqplib's error, which is not cached. */
  ensure(topic: string): Promise<number> {
    const known = this.#known.get(topic)
    if (known !== undefined) return known
    const partitions = this.#connector
      .withConnection('topics', (connection) => this.#ensure(topic, connection))
      .catch((error: unknown) => {
        this.#known.delete(topic)
        throw error
      })
    this.#known.set(topic, partitions)
    return partitions
  }

  /** Call it if the topic may have been deleted: the next `ensure` asks RabbitMQ again. */
  forget(topic: string): void {
    this.#known.delete(topic)
  }

  /** Whether a group has ever joined the topic. */
  hasHadConsumers(topic: string): Promise<boolean> {
    return this.#connector.withConnection('topics', (connection) =>
      this.#exists(connection, joinedQueueName(topic)),
    )
  }

  async #ensure(topic: string, connection: ChannelModel): Promise<number> {
    const existing = await this.#count(topic, connection)
    if (existing > 0) return existing
    const { partitions, retentionMs } = this.#settings
    const args = {
      'x-queue-type': 'stream',
      'x-max-age': `${Math.ceil(retentionMs / 1000)}s`,
      'x-stream-max-segment-size-bytes': segmentBytes,
    }
    // The highest first: a process that finds partition 0 finds all of them.
    for (let partition = partitions - 1; partition >= 0; partition -= 1) {
      await this.#connector.declareQueue(connection, streamName(topic, partition), args)
    }
    // Another process may have created it with more.
    return this.#count(topic, connection)
  }

  async #count(topic: string, connection: ChannelModel): Promise<number> {
    let count = 0
    while (await this.#exists(connection, streamName(topic, count))) count += 1
    return count
  }

  async #exists(connection: ChannelModel, queue: string): Promise<boolean> {
    const channel = await this.#connector.openChannel(connection)
    try {
      await channel.checkQueue(queue)
      return true
    } catch (error) {
      if (isNotFound(error)) return false
      throw error
    } finally {
      await closeQuietly(channel)
    }
  }
}
