import type { Logger } from '@herald/runtime'
import type { Channel, ChannelModel } from 'amqplib'
import type { LanesOptions } from '../../lanes.js'
import { type Connector, closeQuietly } from './connection.js'
import { fairShare } from './fair-share.js'
import { type HeldLease, HeldPartition } from './held-partition.js'
import { Lease } from './lease.js'
import { joinedQueueName, leaseQueueName, membersQueueName } from './names.js'
import type { Publisher } from './publisher.js'
import { UnheldPartitions } from './unheld-partitions.js'

export interface SessionOptions {
  readonly connector: Connector
  readonly publisher: Publisher
  readonly topic: string
  readonly group: string
  /** How many partitions the topic has. */
  readonly partitions: number
  readonly lanes: Omit<LanesOptions, 'onProgress'>
  readonly logger: Logger
  /** The connection is lost, and with it every partition. Not called after `close`. */
  readonly onLost: () => void
  /** The topic was deleted; onLost follows. */
  readonly onNoTopic: () => void
  /** Where the group is, if it has this member only: nothing of it is kept in RabbitMQ. */
  readonly standalone: Map<number, bigint> | undefined
}

const balanceEveryMs = 250
/** How long a partition that is given away to balance may wait for its handlers. */
const drainTimeoutMs = 10_000
/** A token that asks the holder of a partition to give one away. No offset is negative. */
const request = '-1'
const requestEveryMs = 1000

const leaseQueueArguments = {
  'x-queue-type': 'quorum',
  'x-single-active-consumer': true,
  // The default of RabbitMQ 4 drops a token that came back 20 times.
  'x-delivery-limit': 1_000_000,
  // Of groups that no longer exist.
  'x-expires': 30 * 24 * 60 * 60 * 1000,
}
const membersQueueArguments = {
  'x-queue-type': 'quorum',
  'x-expires': leaseQueueArguments['x-expires'],
}

/**
 * One membership in a group, on a connection of its own, from joining to the loss of the connection. It
 * waits for each partition while it has less than its share, and gives away what exceeds it. It
 * publishes nothing on its connection, so that RabbitMQ, short of disk, does not block it.
 */
export class Session {
  readonly #options: SessionOptions
  readonly #leases = new Map<number, Lease>()
  readonly #held = new Map<number, HeldPartition>()
  #connection: ChannelModel | undefined
  #members: Channel | undefined
  #memberCount = 0
  #balancing: NodeJS.Timeout | undefined
  #answeredAtMs = 0
  #requestedAtMs = 0
  readonly #unheld = new UnheldPartitions()
  /** Partitions that it takes beyond its share, because nobody holds them. */
  #surplus = 0
  /** `closing`: it takes no more partitions, and its handlers may end. */
  #state: 'open' | 'closing' | 'ended' = 'open'

  constructor(options: SessionOptions) {
    this.#options = options
  }

  get held(): ReadonlyMap<number, HeldPartition> {
    return this.#held
  }

  /** Holds its share of the partitions, and knows how many members there are. */
  get isSettled(): boolean {
    const { least, most } = fairShare(this.#options.partitions, this.#memberCount)
    const size = this.#keptSize
    const isShare = size >= least && size <= most + this.#surplus
    return size > 0 && isShare && size === this.#held.size
  }

  /** Milliseconds since RabbitMQ last answered on this connection. */
  get sinceAnswerMs(): number {
    return performance.now() - this.#answeredAtMs
  }

  /** Resolves once it holds or waits for each partition. Rejects with amqplib's error or BrokerError. */
  async join(): Promise<void> {
    const { connector, topic, group, partitions } = this.#options
    try {
      const connection = await connector.connect(`member of ${group}`)
      this.#connection = connection
      connection.on('close', () => this.#lost())
      if (this.#options.standalone !== undefined) {
        this.#holdAll(this.#options.standalone)
        return
      }
      await connector.declareQueue(connection, joinedQueueName(topic), membersQueueArguments)
      const members = membersQueueName(topic, group)
      await connector.declareQueue(connection, members, membersQueueArguments)
      const channel = await connector.openChannel(connection)
      this.#members = channel
      channel.on('close', () => this.#lost())
      await channel.consume(members, (message) => message === null && this.#lost())
      const queues = Array.from({ length: partitions }, (_, id) => leaseQueueName(topic, group, id))
      await Promise.all(
        queues.map((queue) => connector.declareQueue(connection, queue, leaseQueueArguments)),
      )
      await this.#publishFirstTokens(queues)
      await this.check()
      await this.#registerForAll()
    } catch (error) {
      this.#end()
      // Else RabbitMQ would assign partitions to it, which would not be read.
      await closeQuietly(this.#connection)
      throw error
    }
    this.#balancing = setInterval(() => void this.#balance(), balanceEveryMs)
  }

  /** Asks RabbitMQ how many members the group has. Rejects if the connection is lost. */
  async check(): Promise<void> {
    const { topic, group, standalone } = this.#options
    if (standalone !== undefined) return
    const answer = await this.#members?.checkQueue(membersQueueName(topic, group))
    const count = answer?.consumerCount ?? 0
    if (count !== this.#memberCount) this.#surplus = 0
    this.#memberCount = count
    this.#answeredAtMs = performance.now()
  }

  /** There may be room for more events. */
  feed(): void {
    for (const partition of this.#held.values()) partition.feed()
  }

  /** Waits up to `drainMs` for the handlers at work, commits and leaves. Never rejects. */
  async close(drainMs: number): Promise<void> {
    clearInterval(this.#balancing)
    const leaving = [...this.#held.values()].map((partition) => partition.release(drainMs))
    this.#state = 'closing'
    await Promise.allSettled(leaving)
    this.#end()
    await closeQuietly(this.#connection)
  }

  /** Opens a channel for requests about queues. */
  openChannel(): Promise<Channel> {
    if (this.#connection === undefined) throw new Error('not connected')
    return this.#options.connector.openChannel(this.#connection)
  }

  get #keptSize(): number {
    return [...this.#held.values()].filter(({ isReleasing }) => !isReleasing).length
  }

  /** The partitions that it does not hold. */
  get #others(): number[] {
    const all = Array.from({ length: this.#options.partitions }, (_, id) => id)
    return all.filter((id) => !this.#held.has(id))
  }

  /** A new group has no tokens yet. An additional token has no effect. */
  async #publishFirstTokens(queues: readonly string[]): Promise<void> {
    const channel = await this.openChannel()
    const counts = await Promise.all(queues.map((queue) => channel.checkQueue(queue)))
    await closeQuietly(channel)
    const empty = counts.filter(
      ({ messageCount, consumerCount }) => messageCount + consumerCount === 0,
    )
    await Promise.all(empty.map(({ queue }) => this.#publishToken(queue, '0')))
  }

  #publishToken(queue: string, token: string): Promise<void> {
    const { publisher, connector, group } = this.#options
    const message = { queue, content: Buffer.from(token), options: {} }
    return publisher.send([message], `commit as ${group}`, connector.location.publishTimeoutMs)
  }

  /** Waits for each partition that it neither holds nor waits for. */
  async #registerForAll(): Promise<void> {
    const registering: Promise<void>[] = []
    for (let partition = 0; partition < this.#options.partitions; partition += 1) {
      if (this.#leases.has(partition)) continue
      const lease = this.#createLease(partition)
      this.#leases.set(partition, lease)
      registering.push(lease.register())
    }
    await Promise.all(registering)
  }

  #createLease(partition: number): Lease {
    const { connector, topic, group } = this.#options
    const queue = leaseQueueName(topic, group, partition)
    const lease: Lease = new Lease({
      connector,
      connection: this.#connection as ChannelModel,
      queue,
      publish: (offset) => this.#publishToken(queue, String(offset)),
      onHeld: (from) => {
        this.#hold(partition, lease, from)
        void this.#balance()
      },
      onRequest: () => this.#giveOneAway(),
      onLost: () => this.#lost(),
    })
    return lease
  }

  #holdAll(offsets: Map<number, bigint>): void {
    this.#memberCount = 1
    for (let partition = 0; partition < this.#options.partitions; partition += 1) {
      const lease: HeldLease = {
        commit: async (offset) => void offsets.set(partition, offset),
        release: async () => {},
      }
      this.#hold(partition, lease, offsets.get(partition) ?? 0n)
    }
  }

  #hold(partition: number, lease: HeldLease, from: bigint): void {
    if (this.#state !== 'open') return
    const connection = this.#connection as ChannelModel
    const { connector, topic, lanes, logger } = this.#options
    const parts = { connector, connection, topic, partition, lease, from, lanes, logger }
    const onNoStream = () => {
      this.#options.onNoTopic()
      this.#lost()
    }
    this.#held.set(partition, new HeldPartition({ ...parts, onNoStream }))
    logger.debug({ partition, offset: String(from) }, 'partition taken')
  }

  /** Never rejects. */
  async #balance(): Promise<void> {
    try {
      await this.check()
      if (this.#state !== 'open') return
      const { topic, group, partitions } = this.#options
      const { least, most } = fairShare(partitions, this.#memberCount)
      const limit = most + this.#surplus
      const kept = [...this.#held].filter(([, { isReleasing }]) => !isReleasing)
      for (const [partition] of kept.slice(limit)) this.#giveAway(partition)
      if (kept.length >= limit) {
        this.#stopWaiting()
        const queues = this.#others.map((id) => leaseQueueName(topic, group, id))
        if (await this.#unheld.exist(this.#members as Channel, queues)) this.#surplus += 1
      } else await this.#registerForAll()
      if (kept.length < least) await this.#requestOne()
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'could not balance')
    }
  }

  #giveAway(partition: number): void {
    void this.#held
      .get(partition)
      ?.release(drainTimeoutMs)
      .then(() => {
        this.#held.delete(partition)
        this.#leases.delete(partition)
      })
  }

  /** A member that has its share waits for no partition: what is given away must go to another one. */
  #stopWaiting(): void {
    for (const [partition, lease] of this.#leases) {
      if (this.#held.has(partition) || lease.isHeld) continue
      this.#leases.delete(partition)
      void lease.release()
    }
  }

  /** Asks the holders, when the partitions do not divide evenly and others have one more. */
  async #requestOne(): Promise<void> {
    const { topic, group } = this.#options
    if (performance.now() - this.#requestedAtMs < requestEveryMs) return
    const isFirst = this.#requestedAtMs === 0
    this.#requestedAtMs = performance.now()
    // Usually the others have just not noticed yet that there is a new member.
    if (isFirst) return
    const others = this.#others
    const asked = others[Math.floor(Math.random() * others.length)] ?? 0
    await this.#publishToken(leaseQueueName(topic, group, asked), request)
  }

  #giveOneAway(): void {
    const { least } = fairShare(this.#options.partitions, this.#memberCount)
    const kept = [...this.#held].filter(([, { isReleasing }]) => !isReleasing)
    const last = kept.at(-1)
    if (last !== undefined && kept.length > least) this.#giveAway(last[0])
  }

  #lost(): void {
    if (this.#state === 'ended') return
    const wasOpen = this.#state === 'open'
    // Another member may have the partitions at once, also of one that is closing.
    this.#end()
    void closeQuietly(this.#connection)
    if (wasOpen) this.#options.onLost()
  }

  #end(): void {
    this.#state = 'ended'
    clearInterval(this.#balancing)
    for (const partition of this.#held.values()) partition.revoke()
    this.#held.clear()
    this.#leases.clear()
  }
}
