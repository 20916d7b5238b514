import type { Logger } from '@herald/runtime'
import type { AdminConnection } from './client.js'
import type { PartitionState } from './held-partition.js'
import type { Member } from './member.js'
import type { Partitions } from './partitions.js'

interface PartitionWatchOptions {
  readonly topic: string
  readonly group: string
  readonly everyMs: number
  readonly admin: AdminConnection
  readonly partitions: Partitions
  readonly member: () => Member | undefined
  readonly logger: Logger
  /** The member no longer fetches from a broker that answers: replace it. */
  readonly onStalled: (member: Member) => void
}

/**
 * Finds two failures that kafkajs does not report. A fetch loop (one per broker) that has stopped:
 * a fetch returns every 100 ms even if there are no events, so silence means a stall, whatever
 * the offsets are. And a topic that was deleted and created again: its partitions start at 0, and
 * events below our old position would be skipped.
 */
export class PartitionWatch {
  readonly #options: PartitionWatchOptions
  readonly #timer: NodeJS.Timeout
  #checking = false
  /** Partitions whose log ended before our position at the last check. */
  #endedEarlier = new Set<number>()

  constructor(options: PartitionWatchOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.#check(), options.everyMs)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /**
   * Called before a commit: once an offset of the old topic is committed to the new one, the two
   * cannot be distinguished. Never rejects.
   */
  async checkCommitted(): Promise<void> {
    try {
      await this.#checkCommitted()
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'could not compare the committed offsets')
    }
  }

  async #checkCommitted(): Promise<void> {
    const { admin, topic, group, partitions } = this.#options
    const before = new Map(partitions.ids.map((id) => [id, partitions.state(id)]))
    const [response] = await admin.run((client) =>
      client.fetchOffsets({ groupId: group, topics: [topic] }),
    )
    const committed = new Map(
      response?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]),
    )
    const removed = partitions.recordCommitted(before, committed)
    if (removed.length > 0) await this.#restartRecreated(removed, before)
  }

  /** Kafka deletes a group's offsets with the topic, but keeps offsets of events that retention has removed. */
  async #restartRecreated(
    removed: readonly number[],
    before: ReadonlyMap<number, PartitionState>,
  ): Promise<void> {
    const { admin, topic } = this.#options
    const ends = await admin.run((client) => client.fetchTopicOffsets(topic))
    for (const { partition, low } of ends) {
      const committed = before.get(partition)?.committed
      if (!removed.includes(partition) || committed === undefined) continue
      if (committed >= BigInt(low)) this.#restart(partition, BigInt(low), committed)
    }
  }

  async #check(): Promise<void> {
    if (this.#checking) return
    this.#checking = true
    const { topic, logger } = this.#options
    try {
      await this.#findStall()
      await this.checkCommitted()
      await this.#findShorterLog()
    } catch (error) {
      // Kafka does not respond: a new consumer would not change that.
      logger.debug({ err: error, topic }, 'could not watch the partitions')
    } finally {
      this.#checking = false
    }
  }

  async #findStall(): Promise<void> {
    const { admin, topic, everyMs, partitions, logger, onStalled } = this.#options
    const member = this.#options.member()
    if (member === undefined) return
    const metadata = await admin.run((client) => client.fetchTopicMetadata({ topics: [topic] }))
    if (member !== this.#options.member()) return
    for (const { partitionId, leader } of metadata.topics[0]?.partitions ?? []) {
      const silentMs = Math.round(member.sinceFetchMs(leader))
      if (!partitions.isFetching(partitionId) || silentMs < everyMs) continue
      logger.warn(
        { topic, partition: partitionId, brokerId: leader, silentMs },
        'no fetch has returned from this broker; replacing the consumer',
      )
      onStalled(member)
      return
    }
  }

  /** Twice in a row: a new leader may report an older end for a moment. */
  async #findShorterLog(): Promise<void> {
    const { admin, topic, partitions } = this.#options
    const before = new Map(partitions.ids.map((id) => [id, partitions.state(id)]))
    const ends = await admin.run((client) => client.fetchTopicOffsets(topic))
    const ended = new Set<number>()
    for (const { partition, low, high } of ends) {
      const nextOffset = before.get(partition)?.nextOffset
      if (nextOffset === undefined || BigInt(high) >= nextOffset) continue
      if (this.#endedEarlier.has(partition)) this.#restart(partition, BigInt(low), nextOffset)
      else ended.add(partition)
    }
    this.#endedEarlier = ended
  }

  #restart(partition: number, offset: bigint, oldOffset: bigint): void {
    const { topic, group, partitions, logger } = this.#options
    logger.warn(
      { topic, group, partition, oldOffset: String(oldOffset), offset: String(offset) },
      'topic was deleted and created again; reading the partition from its start',
    )
    partitions.restart(partition, offset)
  }
}
