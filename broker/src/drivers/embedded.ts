import { crc32 } from 'node:zlib'
import type { Logger } from '@herald/runtime'
import { openStore } from '@herald/runtime/store'
import {
  type Broker,
  type BrokerFeatures,
  type Message,
  maxMessageBytes,
  type OpenBrokerOptions,
  type PublishedPosition,
} from '../broker.js'
import { type TopicSettings, topicSettings } from '../check-request.js'
import { createBroker, type Driver, type MemberOptions } from '../driver.js'
import { partitionPosition } from '../partition-position.js'
import type { BrokerTables } from './embedded/active-consumer.js'
import { Consumer } from './embedded/consumer.js'
import { asEmbeddedError } from './embedded/errors.js'
import { EventLog } from './embedded/event-log.js'
import { Groups } from './embedded/groups.js'
import { type EmbeddedLocation, parseEmbeddedUrl } from './embedded/location.js'

// Here a topic is rows (topic, partition, offset) of one LMDB store; a consumer
// group is a lease with an epoch and a committed offset per partition; the holder of its lease
// is the active consumer, the others are on standby; a commit is a transaction that checks the epoch; a
// heartbeat is a file's time of change; the store's bell starts a fetch.

export const features: BrokerFeatures = Object.freeze({
  name: 'embedded',
  groups: true,
  consumersPerGroup: 'single-active',
  orderPerKey: true,
  partitions: true,
  survivesKill: true,
  survivesPowerLoss: true,
  replay: true,
  severalMachines: false,
  lagDelayMs: 0,
  maxMessageBytes,
})

const expireEveryMs = 10 * 60 * 1000

/**
 * A broker in a folder, for the processes of one machine: `embedded:FOLDER[?sessionTimeoutMs=10000]`,
 * FOLDER relative to the working directory. `sessionTimeoutMs`: after so long without a heartbeat
 * another consumer takes over from the active one. Rejects with BrokerError.
 */
export async function openEmbeddedBroker(url: string, options: OpenBrokerOptions): Promise<Broker> {
  const location = parseEmbeddedUrl(url)
  const settings = topicSettings(options)
  try {
    const store = openStore(location.directory)
    const tables = { store, log: new EventLog(store), groups: new Groups(store) }
    const { logger } = options
    return createBroker(
      new EmbeddedDriver(tables, { ...location, topicSettings: settings, logger }),
    )
  } catch (error) {
    throw asEmbeddedError('cannot be opened', error)
  }
}

interface EmbeddedDriverOptions extends EmbeddedLocation {
  readonly topicSettings: TopicSettings
  readonly logger: Logger
}

class EmbeddedDriver implements Driver {
  readonly features = features
  readonly #tables: BrokerTables
  readonly #options: EmbeddedDriverOptions
  readonly #closing = new AbortController()
  readonly #expiry: NodeJS.Timeout
  #nextUnkeyed = Math.floor(Math.random() * 2 ** 16)

  constructor(tables: BrokerTables, options: EmbeddedDriverOptions) {
    this.#tables = tables
    this.#options = options
    this.#removeExpired()
    this.#expiry = setInterval(() => this.#removeExpired(), expireEveryMs)
    this.#expiry.unref()
  }

  ensureTopic(topic: string): Promise<unknown> {
    const { store, log } = this.#tables
    return store.write(() => log.ensureTopic(topic, this.#options.topicSettings))
  }

  async publish(topic: string, messages: readonly Message[]): Promise<PublishedPosition[]> {
    const { store, log } = this.#tables
    const published = await store.write(() => {
      const { partitions } = log.ensureTopic(topic, this.#options.topicSettings)
      const placed = messages.map((message) => ({
        message,
        partition: this.#partition(message.key, partitions),
      }))
      const offsets = log.append(topic, placed)
      return placed.map(({ partition }, index) =>
        partitionPosition(partition, String(offsets[index])),
      )
    })
    store.bell.ring()
    return published
  }

  async createConsumer(member: MemberOptions): Promise<Consumer> {
    const { directory, sessionTimeoutMs, logger } = this.#options
    const { topic } = member.subscription
    if (this.#tables.log.topic(topic) === undefined) await this.ensureTopic(topic)
    return new Consumer({ tables: this.#tables, directory, sessionTimeoutMs, logger, ...member })
  }

  async hasHadConsumers(topic: string): Promise<boolean> {
    return this.#tables.groups.hasAny(topic)
  }

  asBrokerError(what: string, error: unknown) {
    return asEmbeddedError(what, error)
  }

  async close(callsEnded: Promise<void>): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#expiry)
    try {
      await callsEnded
    } finally {
      await this.#tables.store.close()
    }
  }

  #partition(key: string | null, partitions: number): number {
    if (key !== null) return crc32(key) % partitions
    this.#nextUnkeyed += 1
    return this.#nextUnkeyed % partitions
  }

  #removeExpired(): void {
    this.#tables.log.removeExpired(this.#closing.signal).catch((error: unknown) => {
      this.#options.logger.error({ err: error }, 'could not remove expired events')
    })
  }
}
