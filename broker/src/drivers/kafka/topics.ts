import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import type { Admin } from 'kafkajs'
import type { TopicSettings } from '../../check-request.js'
import type { AdminConnection } from './client.js'
import { isRetryable, rootOf } from './errors.js'

const maxTries = 20
/** How long the number of partitions is cached: partitions may be added. */
const refreshAfterMs = 5 * 60 * 1000

/** Creates topics that are absent, and caches the number of partitions. */
export class Topics {
  readonly #admin: AdminConnection
  readonly #settings: TopicSettings
  readonly #logger: Logger
  readonly #known = new Map<string, { partitions: Promise<number>; until: number }>()

  constructor(admin: AdminConnection, settings: TopicSettings, logger: Logger) {
    this.#admin = admin
    this.#settings = settings
    this.#logger = logger
  }

  /**
   * Resolves to the topic's number of partitions once it exists. Rejects with kafkajs' error, which
   * is not cached.
   */
  ensure(topic: string): Promise<number> {
    const known = this.#known.get(topic)
    if (known !== undefined && known.until > performance.now()) return known.partitions
    const partitions = this.#admin
      .run((admin) => this.#ensure(topic, admin))
      .catch((error: unknown) => {
        this.#known.delete(topic)
        throw error
      })
    this.#known.set(topic, { partitions, until: performance.now() + refreshAfterMs })
    return partitions
  }

  /** Call it if the topic may have been deleted: the next `ensure` asks Kafka again. */
  forget(topic: string): void {
    this.#known.delete(topic)
  }

  async #ensure(topic: string, admin: Admin): Promise<number> {
    try {
      return await countPartitions(admin, topic)
    } catch (error) {
      if (rootOf(error).type !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error
    }
    const { brokers } = await admin.describeCluster()
    const replicas = Math.min(3, brokers.length)
    try {
      await admin.createTopics({
        waitForLeaders: true,
        topics: [
          {
            topic,
            numPartitions: this.#settings.partitions,
            replicationFactor: replicas,
            configEntries: [
              { name: 'retention.ms', value: String(this.#settings.retentionMs) },
              // Else a publisher whose clock is wrong is refused, or its events are deleted early.
              { name: 'message.timestamp.type', value: 'LogAppendTime' },
              // kafkajs crashes on zstd, lz4 and snappy: the broker converts what others send to gzip.
              { name: 'compression.type', value: 'gzip' },
              // With three replicas, one may be down without stopping or losing anything.
              { name: 'min.insync.replicas', value: String(Math.max(1, replicas - 1)) },
            ],
          },
        ],
      })
      this.#logger.info({ topic, replicas, partitions: this.#settings.partitions }, 'topic created')
    } catch (error) {
      // Another process has created it.
      if (rootOf(error).type !== 'TOPIC_ALREADY_EXISTS') throw error
    }
    return countWhenServed(admin, topic)
  }
}

/**
 * Waits until each partition's leader serves it: brokers apply a new topic one by one. Before that, a
 * request for several partitions fails for some of them, and its retry duplicates the others.
 */
async function countWhenServed(admin: Admin, topic: string): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    try {
      const offsets = await admin.fetchTopicOffsets(topic)
      return offsets.length
    } catch (error) {
      if (tries === maxTries || !isRetryable(error)) throw error
      await delay(100)
    }
  }
}

async function countPartitions(admin: Admin, topic: string): Promise<number> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  return topics[0]?.partitions.length ?? 1
}
