import { createHash } from 'node:crypto'
import type { Logger } from '@herald/runtime'
import {
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamAPI,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import type { TopicSettings } from '../../check-request.js'
import type { LazyConnection } from './connection.js'
import { isNotClustered, isNotFound } from './errors.js'

/** A topic as NATS has it. */
export interface NatsTopic {
  /** The name in subjects, unique for the topic. */
  readonly token: string
  /** The stream with the events, one subject for each partition. */
  readonly stream: string
  /** The key-value bucket with the leases and offsets of its groups. */
  readonly bucket: string
  readonly partitions: number
  /** How many servers have it. */
  readonly replicas: number
}

interface TopicsOptions {
  readonly connection: LazyConnection
  readonly settings: TopicSettings
  /** See NatsLocation. */
  readonly replicas: number | undefined
  readonly timeoutMs: number
  readonly logger: Logger
}

/** A message that is sent again within this time is stored once; `publish` retries for longer only while others are acknowledged. */
const duplicateWindowMs = 30_000
const maxTokenLength = 180
/** With three, one server may be down without stopping or losing anything. */
const clusterReplicas = 3

export const subjectOf = ({ token }: NatsTopic, partition: number | '*') =>
  `herald.topic.${token}.${partition}`

/**
 * The topic's name as letters, digits, dashes and underscores, which streams, buckets and subjects may
 * have: a dot becomes two underscores, an underscore becomes `_-`. No two topics get the same.
 */
export function tokenOf(topic: string): string {
  const token = topic.replaceAll(/[._]/g, (char) => (char === '.' ? '__' : '_-'))
  if (token.length <= maxTokenLength) return token
  const hash = createHash('sha256').update(topic).digest('hex').slice(0, 32)
  return `${token.slice(0, maxTokenLength - 34)}_x${hash}`
}

export const bucketOf = (topic: string) => `herald-${tokenOf(topic)}`

/** Creates topics that are absent, and remembers the number of partitions. */
export class Topics {
  readonly #options: TopicsOptions
  readonly #known = new Map<string, Promise<NatsTopic>>()
  /** Topics whose replicas were checked: too few are reported once. */
  readonly #checked = new Set<string>()

  constructor(options: TopicsOptions) {
    this.#options = options
  }

  /** Rejects with the library's error, which is not remembered. */
  ensure(topic: string): Promise<NatsTopic> {
    const known = this.#known.get(topic)
    if (known !== undefined) return known
    const ensured = this.#ensure(topic)
    this.#known.set(topic, ensured)
    ensured.catch(() => this.#known.delete(topic))
    return ensured
  }

  /** Call it if the topic may have been deleted: the next `ensure` asks again. */
  forget(topic: string): void {
    this.#known.delete(topic)
  }

  async #ensure(topic: string): Promise<NatsTopic> {
    const { connection, settings, timeoutMs } = this.#options
    const { nats } = await connection.open()
    const { streams } = await jetstreamManager(nats, { timeout: timeoutMs, checkAPI: false })
    const token = tokenOf(topic)
    const stream = `herald-${token}`
    const info = await streams.info(stream).catch(async (error: unknown) => {
      if (!isNotFound(error)) throw error
      return this.#create(topic, streams, {
        name: stream,
        description: describe(topic, settings.partitions),
        subjects: [`herald.topic.${token}.*`],
        storage: StorageType.File,
        retention: RetentionPolicy.Limits,
        max_age: nanos(settings.retentionMs),
        duplicate_window: nanos(Math.min(duplicateWindowMs, settings.retentionMs)),
      })
    })
    this.#checkReplicas(topic, info)
    const partitions = Number(/, (\d+) partitions$/.exec(info.config.description ?? '')?.[1])
    return {
      token,
      stream,
      bucket: bucketOf(topic),
      partitions: partitions || settings.partitions,
      replicas: info.config.num_replicas,
    }
  }

  /**
   * The server decides whether it is in a cluster: what it tells clients about others leaves out those
   * that are down, and may be switched off.
   */
  async #create(
    topic: string,
    streams: StreamAPI,
    config: Partial<StreamConfig> & { name: string },
  ): Promise<StreamInfo> {
    const { replicas, settings, logger } = this.#options
    const add = (num_replicas: number) => streams.add({ ...config, num_replicas })
    const created = await add(replicas ?? clusterReplicas).catch((error: unknown) => {
      if (replicas === undefined && isNotClustered(error)) return add(1)
      throw error
    })
    logger.info(
      {
        topic,
        stream: config.name,
        replicas: created.config.num_replicas,
        partitions: settings.partitions,
      },
      'topic created',
    )
    return created
  }

  #checkReplicas(topic: string, { config, cluster }: StreamInfo): void {
    if (this.#checked.has(topic)) return
    this.#checked.add(topic)
    const expected = this.#options.replicas ?? (cluster?.name ? clusterReplicas : 1)
    const { name: stream, num_replicas: replicas } = config
    if (replicas >= expected) return
    this.#options.logger.warn(
      { topic, stream, replicas, expected },
      'topic has fewer replicas than expected',
    )
  }
}

/** Servers of 2.9 keep no other words with a stream. */
const describe = (topic: string, partitions: number) =>
  `Topic ${topic} of Herald, ${partitions} partitions`
