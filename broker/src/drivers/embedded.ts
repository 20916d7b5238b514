import { resolve } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Logger } from '@herald/runtime'
import { openStore } from '@herald/runtime/store'
import {
  type Broker,
  BrokerError,
  type BrokerFeatures,
  type Handler,
  type Message,
  maxMessageBytes,
  type OpenBrokerOptions,
  type PublishedPosition,
  type SubscribeOptions,
  type Subscription,
} from '../broker.js'
import {
  checkMessages,
  checkSubscription,
  checkTopic,
  type TopicSettings,
  topicSettings,
} from '../check-request.js'
import { partitionPosition } from '../partition-position.js'
import type { BrokerTables } from './embedded/active-consumer.js'
import { Consumer } from './embedded/consumer.js'
import { EventLog } from './embedded/event-log.js'
import { Groups } from './embedded/groups.js'

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

const defaultSessionTimeoutMs = 10_000

/**
 * A broker in a folder, for the processes of one machine: `embedded:FOLDER[?sessionTimeoutMs=10000]`,
 * FOLDER relative to the working directory. `sessionTimeoutMs`: after so long without a heartbeat
 * another consumer takes over from the active one. Rejects with BrokerError.
 */
export async function openEmbeddedBroker(url: string, options: OpenBrokerOptions): Promise<Broker> {
  const { directory, sessionTimeoutMs } = parseUrl(url)
  const settings = topicSettings(options)
  try {
    const store = openStore(directory)
    const tables = { store, log: new EventLog(store), groups: new Groups(store) }
    return new EmbeddedBroker(tables, {
      directory,
      sessionTimeoutMs,
      topicSettings: settings,
      logger: options.logger,
    })
  } catch (error) {
    throw asBrokerError('cannot be opened', error)
  }
}

/** Throws BROKER_BAD_URL. */
function parseUrl(url: string): { directory: string; sessionTimeoutMs: number } {
  const bad = (why: string) =>
    new BrokerError(
      'BROKER_BAD_URL',
      `${JSON.stringify(url)} ${why}. Use embedded:./data/broker, a folder of this machine.`,
    )
  const [, folder = '', query = ''] = /^embedded:([^?]*)\??(.*)$/s.exec(url) ?? []
  if (folder.trim() === '') throw bad('names no folder')
  if (folder.startsWith('//')) throw bad('names a host, which the embedded broker does not have')
  if (folder.includes('\0')) throw bad('holds a NUL character')
  let sessionTimeoutMs = defaultSessionTimeoutMs
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'sessionTimeoutMs') {
      throw bad(`sets ${name}, but only sessionTimeoutMs can be set`)
    }
    if (!/^[1-9]\d{1,8}$/.test(value)) {
      throw bad(`sets ${name} to something other than 10…999999999 ms`)
    }
    sessionTimeoutMs = Number(value)
  }
  return { directory: resolve(folder), sessionTimeoutMs }
}

interface EmbeddedBrokerOptions {
  readonly directory: string
  readonly sessionTimeoutMs: number
  readonly topicSettings: TopicSettings
  readonly logger: Logger
}

class EmbeddedBroker implements Broker {
  readonly features = features
  readonly #tables: BrokerTables
  readonly #options: EmbeddedBrokerOptions
  readonly #consumers = new Set<Consumer>()
  readonly #closing = new AbortController()
  readonly #expiry: NodeJS.Timeout
  #nextUnkeyed = Math.floor(Math.random() * 2 ** 16)
  #closed: Promise<void> | undefined

  constructor(tables: BrokerTables, options: EmbeddedBrokerOptions) {
    this.#tables = tables
    this.#options = options
    this.#removeExpired()
    this.#expiry = setInterval(() => this.#removeExpired(), expireEveryMs)
    this.#expiry.unref()
  }

  async createTopic(topic: string): Promise<void> {
    this.#requireOpen()
    checkTopic(topic)
    await this.#run(`cannot create the topic ${topic}`, () => this.#ensureTopic(topic))
  }

  async publish(topic: string, messages: readonly Message[]): Promise<PublishedPosition[]> {
    this.#requireOpen()
    checkTopic(topic)
    checkMessages(messages, features.maxMessageBytes)
    if (messages.length === 0) return []
    return this.#run(`cannot publish to ${topic}`, async () => {
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
    })
  }

  async subscribe(options: SubscribeOptions, handler: Handler): Promise<Subscription> {
    this.#requireOpen()
    checkTopic(options.topic)
    checkSubscription(options)
    const { topic } = options
    return this.#run(`cannot subscribe to ${topic}`, async () => {
      const { directory, sessionTimeoutMs, logger } = this.#options
      if (this.#tables.log.topic(topic) === undefined) await this.#ensureTopic(topic)
      this.#requireOpen()
      const consumer = new Consumer({
        tables: this.#tables,
        directory,
        sessionTimeoutMs,
        subscription: options,
        handler,
        logger,
        onClosed: () => this.#consumers.delete(consumer),
      })
      this.#consumers.add(consumer)
      await consumer.join()
      return consumer
    })
  }

  async hasHadConsumers(topic: string): Promise<boolean> {
    this.#requireOpen()
    return this.#tables.groups.hasAny(topic)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#expiry)
    const closed = await Promise.allSettled([...this.#consumers].map((each) => each.close()))
    await this.#tables.store.close()
    const failed = closed.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  #partition(key: string | null, partitions: number): number {
    if (key !== null) return crc32(key) % partitions
    this.#nextUnkeyed += 1
    return this.#nextUnkeyed % partitions
  }

  #ensureTopic(topic: string): Promise<unknown> {
    const { store, log } = this.#tables
    return store.write(() => log.ensureTopic(topic, this.#options.topicSettings))
  }

  #removeExpired(): void {
    this.#tables.log.removeExpired(this.#closing.signal).catch((error: unknown) => {
      this.#options.logger.error({ err: error }, 'could not remove expired events')
    })
  }

  #requireOpen(): void {
    if (this.#closed === undefined) return
    throw new BrokerError('BROKER_CLOSED', 'The broker is closed. Open another one.')
  }

  async #run<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (error) {
      throw asBrokerError(what, error)
    }
  }
}

function asBrokerError(what: string, error: unknown): BrokerError {
  if (error instanceof BrokerError) return error
  const { code, message } = error as NodeJS.ErrnoException
  const denied = code === 'STORE_NOT_WRITABLE' || code === 'EACCES' || code === 'EPERM'
  return new BrokerError(
    denied ? 'BROKER_NOT_ALLOWED' : 'BROKER_FAILED',
    `The embedded broker ${what}: ${message}`,
    { cause: error },
  )
}
