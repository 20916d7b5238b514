import { crc32 } from 'node:zlib'
import type { Logger } from '@herald/runtime'
import { thisProcess } from '@herald/runtime/process-identity'
import { v7 as uuidv7 } from 'uuid'
import {
  type Broker,
  BrokerError,
  type BrokerFeatures,
  type Handler,
  type Message,
  maxMessageBytes,
  type Published,
  type SubscribeOptions,
  type Subscription,
} from '../broker.js'
import {
  checkMessages,
  checkSubscription,
  checkTopic,
  checkTopicSettings,
} from '../check-request.js'
import type { OpenBrokerOptions } from '../open-broker.js'
import { type BrokerStore, openBrokerStore } from './embedded/broker-store.js'
import { Consumer } from './embedded/consumer.js'
import type { TopicSettings } from './embedded/event-log.js'
import { type EmbeddedLocation, parseEmbeddedUrl } from './embedded/location.js'
import { Presence } from './embedded/presence.js'
import { removeExpired } from './embedded/retention.js'
import { startWatch } from './embedded/watch.js'

// The field's words here: a topic is rows (topic, partition, offset) of one LMDB store; a
// partition's lease and committed offset are one row per group; a rebalance is every member
// computing its own share and taking what is free; an acknowledgement is a transaction that checks
// the lease; a heartbeat is a file's time of change; a fetch is woken by the store's bell.

const features: BrokerFeatures = Object.freeze({
  name: 'embedded',
  groups: true,
  orderPerKey: true,
  durable: true,
  replay: true,
  severalMachines: false,
  maxMessageBytes,
})

const dayMs = 24 * 60 * 60 * 1000
const expireEveryMs = 10 * 60 * 1000

/** A broker in a folder, for the processes of one machine. Rejects with BrokerError. */
export async function openEmbeddedBroker(url: string, options: OpenBrokerOptions): Promise<Broker> {
  const location = parseEmbeddedUrl(url)
  const { logger, partitions = 8, retentionMs = 7 * dayMs } = options
  const settings = { partitions, retentionMs }
  checkTopicSettings(settings)
  try {
    return new EmbeddedBroker(location, settings, openBrokerStore(location.directory), logger)
  } catch (error) {
    throw asBrokerError('cannot be opened', error)
  }
}

class EmbeddedBroker implements Broker {
  readonly features = features
  readonly #location: EmbeddedLocation
  readonly #logger: Logger
  readonly #shared: BrokerStore
  readonly #topicSettings: TopicSettings
  readonly #consumers = new Set<Consumer>()
  readonly #working = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()
  readonly #expiry: NodeJS.Timeout
  #nextUnkeyed = Math.floor(Math.random() * 2 ** 16)
  #presence: Presence | undefined
  #stopWatch = () => {}
  #closed: Promise<void> | undefined

  constructor(
    location: EmbeddedLocation,
    topicSettings: TopicSettings,
    shared: BrokerStore,
    logger: Logger,
  ) {
    this.#location = location
    this.#logger = logger
    this.#shared = shared
    this.#topicSettings = topicSettings
    this.#expire()
    this.#expiry = setInterval(() => this.#expire(), expireEveryMs)
    this.#expiry.unref()
  }

  async createTopic(topic: string): Promise<void> {
    this.#requireOpen()
    checkTopic(topic)
    await this.#work(`cannot create the topic ${topic}`, () =>
      this.#shared.store.write(() => this.#shared.log.ensureTopic(topic, this.#topicSettings)),
    )
  }

  async publish(topic: string, messages: readonly Message[]): Promise<Published[]> {
    this.#requireOpen()
    checkTopic(topic)
    checkMessages(messages, features.maxMessageBytes)
    if (messages.length === 0) return []
    return this.#work(`cannot publish to ${topic}`, async () => {
      const { store, log } = this.#shared
      const published = await store.write(() => {
        const { partitions } = log.ensureTopic(topic, this.#topicSettings)
        const placed = messages.map((message) => ({
          message,
          partition: this.#partition(message.key, partitions),
        }))
        const offsets = log.append(topic, placed)
        return placed.map(({ partition }, index) => ({ partition, offset: String(offsets[index]) }))
      })
      store.bell.ring()
      return published
    })
  }

  async subscribe(options: SubscribeOptions, handler: Handler): Promise<Subscription> {
    this.#requireOpen()
    checkTopic(options.topic)
    checkSubscription(options)
    const { topic, group } = options
    return this.#work(`cannot subscribe to ${topic}`, async () => {
      const { store, log } = this.#shared
      const settings =
        log.topic(topic) ?? (await store.write(() => log.ensureTopic(topic, this.#topicSettings)))
      const presence = this.#startWatch()
      const consumer = new Consumer({
        shared: this.#shared,
        presence,
        name: { topic, group },
        partitions: settings.partitions,
        // Ascending with time: who joins later takes over from those there, not the reverse.
        member: { id: uuidv7(), process: thisProcess, mark: presence.mark },
        handler,
        maxInFlight: options.maxInFlight,
        maxBuffered: options.maxBuffered,
        handoverMs: this.#location.handoverMs,
        logger: this.#logger,
        onClosed: () => this.#consumers.delete(consumer),
      })
      await consumer.join()
      this.#consumers.add(consumer)
      return consumer
    })
  }

  async hasHadConsumers(topic: string): Promise<boolean> {
    this.#requireOpen()
    return this.#shared.groups.hasAny(topic)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#expiry)
    await Promise.allSettled(this.#working)
    const closed = await Promise.allSettled([...this.#consumers].map((each) => each.close()))
    this.#stopWatch()
    if (this.#presence !== undefined) this.#presence.forget(this.#presence.mark)
    await this.#shared.store.close()
    const failed = closed.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  #partition(key: string | null, partitions: number): number {
    if (key !== null) return crc32(key) % partitions
    this.#nextUnkeyed += 1
    return this.#nextUnkeyed % partitions
  }

  /** Once there is a subscription: who only publishes needs no timers and shows no sign of life. */
  #startWatch(): Presence {
    if (this.#presence !== undefined) return this.#presence
    const { sessionTimeoutMs } = this.#location
    const presence = new Presence(this.#shared.directory, uuidv7(), sessionTimeoutMs)
    presence.renew()
    this.#stopWatch = startWatch({
      shared: this.#shared,
      presence,
      sessionTimeoutMs,
      consumers: this.#consumers,
      logger: this.#logger,
    })
    this.#presence = presence
    return presence
  }

  #expire(): void {
    const work = removeExpired(this.#shared, this.#closing.signal)
    void this.#track(work).catch((error: unknown) => {
      this.#logger.error({ err: error }, 'could not remove expired events')
    })
  }

  #requireOpen(): void {
    if (this.#closed === undefined) return
    throw new BrokerError('BROKER_CLOSED', 'The broker is closed. Open another one.')
  }

  /** `close` waits for it. */
  async #work<T>(what: string, run: () => Promise<T>): Promise<T> {
    try {
      return await this.#track(run())
    } catch (error) {
      throw asBrokerError(what, error)
    }
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const tracked = work.finally(() => this.#working.delete(tracked))
    this.#working.add(tracked)
    return tracked
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
