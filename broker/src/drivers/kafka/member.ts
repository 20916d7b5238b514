import type { Logger } from '@herald/runtime'
import type { EachBatchPayload, Kafka, Consumer as KafkaConsumer } from 'kafkajs'
import type { KafkaLocation } from './location.js'

export interface Assignment {
  readonly memberId: string
  readonly partitions: readonly number[]
}

/** What a member tells. All are called on the event loop, none is waited for. */
export interface MemberEvents {
  /** The group gave out its partitions anew. kafkajs goes back to what is committed. */
  assigned(assignment: Assignment): void
  /** Events of one partition. What is not resolved comes again with the next fetch. */
  fetched(payload: EachBatchPayload): void
  /** kafkajs has given up; this member is done for. */
  crashed(error: Error): void
}

export interface MemberOptions {
  readonly kafka: Kafka
  readonly location: KafkaLocation
  readonly topic: string
  readonly group: string
  readonly logger: Logger
  readonly events: MemberEvents
}

/** One membership in a group: a kafkajs consumer from its start to its end, never restarted. */
export class Member {
  readonly #topic: string
  readonly #group: string
  readonly #logger: Logger
  readonly #consumer: KafkaConsumer
  #commit: EachBatchPayload['commitOffsetsIfNecessary'] | undefined
  readonly #fetched: MemberEvents['fetched']
  #fetchedAt = Date.now()
  #aliveAt = Date.now()

  constructor({ kafka, location, topic, group, logger, events }: MemberOptions) {
    this.#topic = topic
    this.#group = group
    this.#logger = logger
    this.#consumer = kafka.consumer({
      groupId: group,
      allowAutoTopicCreation: false,
      sessionTimeout: location.sessionTimeoutMs,
      // Who does not come to a rebalance within this is put out of the group.
      rebalanceTimeout: location.sessionTimeoutMs,
      heartbeatInterval: location.heartbeatMs,
      // With the default of 5 s, resuming takes 4 s and stopping 5 s.
      maxWaitTimeInMs: 100,
      // What is fetched and cannot be taken yet is kept as objects, which are many times the bytes.
      maxBytesPerPartition: 64 * 1024,
      retry: {
        retries: 20,
        // One who rebuilds is enough, and it is not kafkajs: that one keeps its connections.
        restartOnFailure: async () => false,
      },
    })
    const { GROUP_JOIN, CRASH, FETCH, HEARTBEAT } = this.#consumer.events
    this.#consumer.on(GROUP_JOIN, ({ payload: { memberId, memberAssignment } }) => {
      this.#fetchedAt = Date.now()
      this.#aliveAt = Date.now()
      events.assigned({ memberId, partitions: memberAssignment[topic] ?? [] })
    })
    this.#consumer.on(CRASH, ({ payload: { error } }) => events.crashed(error))
    this.#consumer.on(FETCH, () => {
      this.#fetchedAt = Date.now()
    })
    this.#consumer.on(HEARTBEAT, () => {
      this.#aliveAt = Date.now()
    })
    this.#fetched = events.fetched
  }

  /** When kafkajs last came back from a fetch, also from one that brought nothing. */
  get fetchedAt(): number {
    return this.#fetchedAt
  }

  /** When the group last heard of us. */
  get aliveAt(): number {
    return this.#aliveAt
  }

  /** Connects and begins to join; `assigned` tells when it has. Rejects when it cannot connect. */
  async start(): Promise<void> {
    await this.#consumer.connect()
    // Otherwise a new group, and one whose offset is kept no more, begins at the end.
    await this.#consumer.subscribe({ topic: this.#topic, fromBeginning: true })
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // Hands over and returns: kafkajs sends no heartbeat while it waits here.
      eachBatch: async (payload) => {
        this.#commit = payload.commitOffsetsIfNecessary
        this.#fetched(payload)
      },
    })
  }

  pausePartition(partition: number): void {
    this.#steer(() => this.#consumer.pause([{ topic: this.#topic, partitions: [partition] }]))
  }

  resumePartition(partition: number): void {
    this.#steer(() => this.#consumer.resume([{ topic: this.#topic, partitions: [partition] }]))
  }

  seek(partition: number, offset: bigint): void {
    this.#steer(() =>
      this.#consumer.seek({ topic: this.#topic, partition, offset: String(offset) }),
    )
  }

  /**
   * Commits the next offset of each partition, once: kafkajs' own `commitOffsets` tries again
   * after a rebalance, under the new generation, and so could move another member's offset back.
   * Call it from a timer, right after looking at the assignment: kafkajs takes up a new generation
   * and tells of it within one turn of the event loop, so a timer never falls between the two.
   */
  async commit(offsets: ReadonlyMap<number, bigint>): Promise<void> {
    const partitions = [...offsets].map(([partition, offset]) => ({
      partition,
      offset: String(offset),
    }))
    if (this.#commit === undefined) throw new Error('nothing was fetched that could be committed')
    await this.#commit({ topics: [{ topic: this.#topic, partitions }] })
  }

  /** Leaves the group and lets go. Never rejects; waits no longer than `timeoutMs`. */
  async leave(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const left = this.#consumer.disconnect().catch((error: unknown) => {
      this.#logger.debug({ err: error, group: this.#group }, 'could not leave the group in order')
    })
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs)
    })
    await Promise.race([left, late])
    clearTimeout(timer)
  }

  /** Between a crash and the next member kafkajs has nothing to steer, and says so by throwing. */
  #steer(turn: () => void): void {
    try {
      turn()
    } catch (error) {
      this.#logger.debug({ err: error, group: this.#group }, 'no consumer to steer')
    }
  }
}
