import type { Logger } from '@herald/runtime'
import type { EachBatchPayload, Kafka, Consumer as KafkaConsumer } from 'kafkajs'
import type { KafkaLocation } from './location.js'
import { assignBySubscription } from './subscription-assigner.js'

export interface Assignment {
  readonly memberId: string
  readonly partitions: readonly number[]
}

/** Callbacks of a member. Called synchronously; their return value is ignored. */
export interface MemberEvents {
  /** After each rebalance. kafkajs then fetches from the committed offsets. */
  assigned(assignment: Assignment): void
  /** Events of one partition. Offsets that are not resolved are fetched again. */
  fetched(payload: EachBatchPayload): void
  /** No event below `nextOffset` is left to fetch: control records and aborted transactions. */
  skipped(partition: number, nextOffset: bigint): void
  /** kafkajs has stopped consuming; the member is unusable. */
  crashed(error: Error): void
}

interface MemberOptions {
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
  /** By broker (node id): when the last fetch from it returned. */
  readonly #fetchedAtMs = new Map<number, number>()
  #assignedAtMs = performance.now()
  #heartbeatAtMs = performance.now()

  constructor({ kafka, location, topic, group, logger, events }: MemberOptions) {
    this.#topic = topic
    this.#group = group
    this.#logger = logger
    this.#consumer = kafka.consumer({
      groupId: group,
      allowAutoTopicCreation: false,
      partitionAssigners: [assignBySubscription],
      sessionTimeout: location.sessionTimeoutMs,
      // A member that has not rejoined within this time is removed from the group.
      rebalanceTimeout: location.sessionTimeoutMs,
      heartbeatInterval: location.heartbeatMs,
      // With the default of 5 s, resuming takes 4 s and stopping 5 s.
      maxWaitTimeInMs: 100,
      // Small: events that are fetched before there is room wait as objects, many times their bytes.
      maxBytesPerPartition: 64 * 1024,
      retry: {
        retries: 20,
        // Membership replaces the consumer: kafkajs would keep the connections that failed.
        restartOnFailure: async () => false,
      },
    })
    const { GROUP_JOIN, CRASH, FETCH, HEARTBEAT, END_BATCH_PROCESS } = this.#consumer.events
    this.#consumer.on(GROUP_JOIN, ({ payload: { memberId, memberAssignment } }) => {
      this.#assignedAtMs = performance.now()
      this.#heartbeatAtMs = performance.now()
      events.assigned({ memberId, partitions: memberAssignment[topic] ?? [] })
    })
    this.#consumer.on(CRASH, ({ payload: { error } }) => events.crashed(error))
    this.#consumer.on(FETCH, ({ payload }) => {
      // Missing in kafkajs' types; in its documentation of instrumentation events.
      const { nodeId } = payload as typeof payload & { nodeId: number }
      this.#fetchedAtMs.set(Number(nodeId), performance.now())
    })
    this.#consumer.on(END_BATCH_PROCESS, ({ payload: { batchSize, partition, lastOffset } }) => {
      if (batchSize === 0) events.skipped(partition, BigInt(lastOffset) + 1n)
    })
    this.#consumer.on(HEARTBEAT, () => {
      this.#heartbeatAtMs = performance.now()
    })
    this.#fetched = events.fetched
  }

  /** Milliseconds since a fetch from this broker returned, with or without events. */
  sinceFetchMs(nodeId: number): number {
    return performance.now() - Math.max(this.#fetchedAtMs.get(nodeId) ?? 0, this.#assignedAtMs)
  }

  /** Milliseconds since the group coordinator last answered. */
  get sinceHeartbeatMs(): number {
    return performance.now() - this.#heartbeatAtMs
  }

  /** Connects and starts to join; `assigned` is called after it. Rejects if it cannot connect. */
  async start(): Promise<void> {
    await this.#consumer.connect()
    // Otherwise a new group, or one whose offset has expired, begins at the end.
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
    this.#ifRunning(() => this.#consumer.pause([{ topic: this.#topic, partitions: [partition] }]))
  }

  resumePartition(partition: number): void {
    this.#ifRunning(() => this.#consumer.resume([{ topic: this.#topic, partitions: [partition] }]))
  }

  seek(partition: number, offset: bigint): void {
    this.#ifRunning(() =>
      this.#consumer.seek({ topic: this.#topic, partition, offset: String(offset) }),
    )
  }

  /**
   * Commits the next offset of each partition, once: kafkajs' own `commitOffsets` retries after a
   * rebalance, under the new generation, and could move another member's offset back.
   * Call it from a timer or setImmediate, right after reading the assignment: kafkajs switches to
   * a new generation and emits GROUP_JOIN within one turn of the event loop, never between two.
   */
  async commit(offsets: ReadonlyMap<number, bigint>): Promise<void> {
    const partitions = [...offsets].map(([partition, offset]) => ({
      partition,
      offset: String(offset),
    }))
    // kafkajs passes the function with the first events. Until then only control records are due.
    if (this.#commit === undefined) return
    await this.#commit({ topics: [{ topic: this.#topic, partitions }] })
  }

  /** Leaves the group and disconnects. Never rejects; waits at most `timeoutMs`. */
  async leave(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const left = this.#consumer.disconnect().catch((error: unknown) => {
      this.#logger.debug({ err: error, group: this.#group }, 'could not leave the group')
    })
    const timedOut = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs)
    })
    await Promise.race([left, timedOut])
    clearTimeout(timer)
  }

  /** kafkajs throws if its consumer has crashed and the next member is not there yet. */
  #ifRunning(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#logger.debug({ err: error, group: this.#group }, 'the consumer is not running')
    }
  }
}
