import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import type { Kafka } from 'kafkajs'
import type { Handler, SubscribeOptions, Subscription } from '../../broker.js'
import { CommitLoop } from '../../commit-loop.js'
import { logRejections } from '../../lanes.js'
import { SubscriptionLimits } from '../../subscription-limits.js'
import type { AdminConnection } from './client.js'
import { asKafkaError } from './errors.js'
import type { KafkaLocation } from './location.js'
import { Member } from './member.js'
import { Membership } from './membership.js'
import { PartitionWatch } from './partition-watch.js'
import { Partitions } from './partitions.js'

export interface ConsumerOptions {
  readonly kafka: Kafka
  readonly admin: AdminConnection
  readonly location: KafkaLocation
  readonly subscription: SubscribeOptions
  readonly handler: Handler
  readonly logger: Logger
  readonly onClosed: () => void
}

const commitEveryMs = 20
const retryCommitMs = 300

/** A subscription: limits what is taken, commits what is acknowledged, and closes in order. */
export class Consumer implements Subscription {
  readonly #options: ConsumerOptions
  readonly #limits: SubscriptionLimits
  readonly #partitions: Partitions
  readonly #membership: Membership
  readonly #watch: PartitionWatch
  #paused = false
  #sessionIsValid = true
  readonly #commits: CommitLoop
  #closed: Promise<void> | undefined

  constructor(options: ConsumerOptions) {
    this.#options = options
    const { kafka, location, subscription, handler, admin } = options
    const { topic, group, maxInFlight, maxBuffered } = subscription
    const logger = options.logger.child({ topic, group })
    this.#limits = new SubscriptionLimits({
      maxInFlight,
      maxBuffered,
      onRoom: () => this.#partitions.refill(),
    })
    this.#partitions = new Partitions({
      handler,
      limits: this.#limits,
      onProgress: () => this.#commits.wake(),
      onRejected: logRejections(logger),
    })
    this.#commits = new CommitLoop({
      everyMs: commitEveryMs,
      retryMs: retryCommitMs,
      isDue: () => this.#partitions.due().size > 0,
      isUrgent: () => this.#limits.isCommitUrgent,
      commit: () => this.#commit(),
    })
    this.#membership = new Membership({
      create: (events) => new Member({ kafka, location, topic, group, logger, events }),
      partitions: this.#partitions,
      sessionTimeoutMs: location.sessionTimeoutMs,
      logger,
      onAssigned: () => {
        this.#commits.wake()
        void this.#watch.checkCommitted()
      },
      onSession: (isValid) => {
        this.#sessionIsValid = isValid
        this.#pauseOrResume()
      },
    })
    this.#watch = new PartitionWatch({
      topic,
      group,
      everyMs: location.stallMs,
      admin,
      partitions: this.#partitions,
      member: () => this.#membership.current,
      logger,
      onStalled: (member) => this.#membership.replace(member),
    })
  }

  get active(): boolean {
    return this.#partitions.ids.length > 0
  }

  get partitions(): readonly number[] {
    return this.#partitions.ids
  }

  pause(): void {
    this.#paused = true
    this.#pauseOrResume()
  }

  resume(): void {
    this.#paused = false
    this.#pauseOrResume()
  }

  lag(): Promise<number> {
    return this.#lag().catch((error: unknown) => {
      throw asKafkaError('cannot measure the lag', error, this.#options.location)
    })
  }

  async #lag(): Promise<number> {
    const { topic, group } = this.#options.subscription
    const [ends, [committed]] = await this.#options.admin.run((admin) =>
      Promise.all([
        admin.fetchTopicOffsets(topic),
        admin.fetchOffsets({ groupId: group, topics: [topic] }),
      ]),
    )
    let lag = 0
    for (const partition of this.#partitions.ids) {
      const end = ends.find((each) => each.partition === partition)
      if (end === undefined) continue
      const { nextOffset, buffered } = this.#partitions.state(partition)
      const known = committed?.partitions.find((each) => each.partition === partition)?.offset
      const next = Math.max(Number(nextOffset ?? known ?? -1), Number(end.low))
      lag += Math.max(0, Number(end.high) - next) + buffered
    }
    return lag
  }

  /** Joins the group. Closes and rejects with kafkajs' error if that fails. */
  async join(): Promise<void> {
    try {
      await this.#membership.join(2 * this.#options.location.publishTimeoutMs)
    } catch (error) {
      await this.close({ drainMs: 0 })
      throw error
    }
  }

  close({ drainMs = 10_000 }: { drainMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(drainMs).finally(this.#options.onClosed)
    return this.#closed
  }

  /** Drains and commits before it leaves: kafkajs loses commits made while it stops, and rejects later ones. */
  async #close(drainMs: number): Promise<void> {
    this.#watch.close()
    await this.#partitions.drain(drainMs)
    await this.#commits.stop()
    for (let tries = 0; tries < 3 && !(await this.#commit()); tries += 1) await delay(retryCommitMs)
    await this.#membership.leave()
    this.#partitions.unassign()
  }

  #pauseOrResume(): void {
    const mayStart = this.#sessionIsValid && !this.#paused
    if (mayStart === !this.#limits.paused) return
    if (mayStart) this.#limits.resume()
    else this.#limits.pause()
  }

  /** Resolves to false if something remains to be committed. Never rejects. */
  async #commit(): Promise<boolean> {
    if (this.#partitions.due().size === 0) return true
    try {
      await this.#watch.checkCommitted()
      await nextTurn()
      // See Member.commit: no turn of the event loop from here to the request.
      const member = this.#membership.current
      const due = this.#partitions.due()
      if (due.size === 0) return true
      if (member === undefined) return false
      await member.commit(due)
      this.#partitions.markCommitted(due)
      return true
    } catch (error) {
      // Usually a rebalance. The next member gets the uncommitted events again.
      this.#options.logger.debug({ err: error }, 'could not commit')
      return false
    }
  }
}
