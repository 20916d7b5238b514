import type { Logger } from '@herald/runtime'
import {
  type Delivery,
  type DeliveryContext,
  type Handler,
  RetryLater,
  type SubscribeOptions,
  type Subscription,
} from '../../broker.js'
import { untilReady } from '../../driver.js'
import { logRejections } from '../../lanes.js'
import { SubscriptionLimits } from '../../subscription-limits.js'
import type { Link } from './connection.js'
import { asNatsError, isRetryable } from './errors.js'
import { GroupMembers } from './group-members.js'
import { HeldPartition } from './held-partition.js'
import { encodeGroup, type Lease, Leases } from './leases.js'
import type { NatsLocation } from './location.js'
import type { NatsTopic } from './topics.js'

export interface ConsumerOptions {
  /** One that reconnects. */
  readonly link: Link
  readonly location: NatsLocation
  readonly topic: NatsTopic
  readonly subscription: SubscribeOptions
  readonly handler: Handler
  readonly logger: Logger
  readonly onMissing: () => Promise<unknown>
  readonly onClosed: () => void
}

const checkEveryMs = 500
/** How long handlers may delay a partition that another member is to get. */
const drainTimeoutMs = 5000

/** A subscription: takes its share of the partitions by leases, and gives back what exceeds it. */
export class Consumer implements Subscription {
  readonly #options: ConsumerOptions
  readonly #logger: Logger
  readonly #limits: SubscriptionLimits
  readonly #members: GroupMembers
  readonly #held = new Map<number, HeldPartition>()
  readonly #stop = new AbortController()
  #leases!: Leases
  /** The leases of others as they were read last. */
  #others = new Map<number, Lease>()
  #share = 0
  #paused = false
  /** False while others may have taken over: the leases cannot be read, or this process was stopped. */
  #sessionIsValid = true
  #checkedAt = performance.now()
  /** When the last reading of all leases that succeeded began. */
  #verifiedAt = performance.now()
  #verifying: Promise<void> | undefined
  #checkTimer: NodeJS.Timeout | undefined
  #unwatch = () => {}
  #balancing: Promise<void> | undefined
  #balanceAgain = false
  #lastError = ''
  #closed: Promise<void> | undefined

  constructor(options: ConsumerOptions) {
    this.#options = options
    const { link, topic, subscription, location } = options
    const { group, maxInFlight, maxBuffered } = subscription
    this.#logger = options.logger.child({ topic: subscription.topic, group })
    this.#limits = new SubscriptionLimits({
      maxInFlight,
      maxBuffered,
      onRoom: () => {
        for (const held of this.#held.values()) held.refill()
      },
    })
    this.#members = new GroupMembers({
      nats: link.nats,
      subject: `herald.group.${topic.token}.${encodeGroup(group)}`,
      sessionTimeoutMs: location.sessionTimeoutMs,
      onChange: () => this.#balanceSoon(),
    })
  }

  get active(): boolean {
    const all = [...this.#held.values()]
    return this.#share > 0 && all.length === this.#share && !all.some((held) => held.isReleasing)
  }

  get partitions(): readonly number[] {
    return this.#holding().sort((one, other) => one - other)
  }

  pause(): void {
    this.#paused = true
    this.#limits.pause()
  }

  resume(): void {
    this.#paused = false
    if (this.#sessionIsValid) this.#limits.resume()
  }

  async lag(): Promise<number> {
    try {
      const lags = await Promise.all([...this.#held.values()].map((held) => held.lag()))
      return lags.reduce((sum, lag) => sum + lag, 0)
    } catch (error) {
      throw asNatsError('cannot measure the lag', error, this.#options.location)
    }
  }

  /** Joins the group. Rejects with the library's error, and is closed then. */
  async join(): Promise<void> {
    const { link, topic, subscription, location } = this.#options
    try {
      this.#leases = await untilReady(
        () => Leases.open(link, topic, subscription.group, location.requestTimeoutMs),
        { isRetryable, timeoutMs: location.publishTimeoutMs, signal: this.#stop.signal },
      )
      this.#members.join()
      await link.nats.flush()
    } catch (error) {
      await this.close({ drainMs: 0 })
      throw error
    }
    if (this.#closed !== undefined) return
    this.#unwatch = this.#options.link.watch((isConnected) => {
      if (isConnected) {
        this.#members.restartTimeouts()
        for (const held of this.#held.values()) held.readAgain()
        void this.#verify()
      } else this.#setSession(false)
    })
    this.#checkTimer = setInterval(() => void this.#check(), checkEveryMs)
    this.#balanceSoon()
  }

  close({ drainMs = 10_000 }: { drainMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(drainMs).finally(this.#options.onClosed)
    return this.#closed
  }

  async #close(drainMs: number): Promise<void> {
    this.#stop.abort()
    clearInterval(this.#checkTimer)
    this.#unwatch()
    await this.#balancing
    await Promise.all([...this.#held.keys()].map((each) => this.#release(each, drainMs, 3)))
    this.#members.leave()
  }

  async #check(): Promise<void> {
    const now = performance.now()
    const { sessionTimeoutMs } = this.#options.location
    // This process was stopped: others may have taken over.
    if (now - this.#checkedAt > sessionTimeoutMs / 2) this.#setSession(false)
    this.#checkedAt = now
    const owners = [...this.#others.values()].map(({ owner }) => owner)
    this.#members.check(owners.filter((owner) => owner !== null))
    if (!this.#sessionIsValid || now - this.#verifiedAt > sessionTimeoutMs / 2) await this.#verify()
    this.#balanceSoon()
  }

  /** Gives up what others have taken; the session is valid then. Never rejects. */
  #verify(): Promise<void> {
    this.#verifying ??= this.#readLeases().finally(() => {
      this.#verifying = undefined
    })
    return this.#verifying
  }

  async #readLeases(): Promise<void> {
    const startedAt = performance.now()
    try {
      await Promise.all([...this.#held.values()].map((held) => held.verify()))
      this.#verifiedAt = startedAt
      this.#setSession(true)
    } catch (error) {
      const level = this.#sessionIsValid ? 'warn' : 'debug'
      this.#logger[level](
        { err: error },
        'could not read the leases; starts no handlers until it can',
      )
      this.#setSession(false)
    }
  }

  /** If this process was stopped for a while, events that wait in its socket come before the next check. */
  async #handle(delivery: Delivery, context: DeliveryContext): Promise<void> {
    if (this.#isUnverified) {
      this.#setSession(false)
      await this.#verify()
      context.signal.throwIfAborted()
      if (this.#isUnverified) throw new RetryLater(checkEveryMs)
    }
    return this.#options.handler(delivery, context)
  }

  get #isUnverified(): boolean {
    return performance.now() - this.#verifiedAt > this.#options.location.sessionTimeoutMs
  }

  #setSession(isValid: boolean): void {
    this.#sessionIsValid = isValid
    if (!isValid) this.#limits.pause()
    else if (!this.#paused) this.#limits.resume()
  }

  #balanceSoon(): void {
    this.#balanceAgain = true
    this.#balancing ??= (async () => {
      while (this.#balanceAgain && !this.#stop.signal.aborted) {
        this.#balanceAgain = false
        try {
          await this.#balance()
          this.#lastError = ''
        } catch (error) {
          this.#logBalanceError(error as Error)
        }
      }
      this.#balancing = undefined
    })()
  }

  /** It fails again with each check, and without a connection always: a warning for each new error. */
  #logBalanceError(error: Error): void {
    const isNew = this.#sessionIsValid && error.message !== this.#lastError
    if (isNew) this.#lastError = error.message
    this.#logger[isNew ? 'warn' : 'debug']({ err: error }, 'could not share the partitions')
  }

  async #balance(): Promise<void> {
    const { topic } = this.#options
    const members = this.#members.ids
    const rank = members.indexOf(this.#members.id)
    const extra = rank < topic.partitions % members.length ? 1 : 0
    this.#share = Math.floor(topic.partitions / members.length) + extra
    const excess = this.#holding().slice(this.#share)
    if (excess.length > 0) {
      await Promise.all(excess.map((each) => this.#release(each, drainTimeoutMs, 10)))
      this.#members.announceFree()
    }
    if (this.#held.size >= this.#share || !this.#sessionIsValid) return
    const all = Array.from({ length: topic.partitions }, (_, partition) => partition)
    const missing = all.filter((partition) => !this.#held.has(partition))
    const read = await Promise.all(missing.map((each) => this.#leases.read(each)))
    this.#others = new Map(read.map((lease, index) => [missing[index] ?? 0, lease]))
    for (const [partition, lease] of this.#others) {
      if (this.#held.size >= this.#share || this.#stop.signal.aborted) return
      const { owner } = lease
      const isFree = owner === null || owner === this.#members.id || this.#members.isGone(owner)
      if (isFree) await this.#take(partition, lease)
    }
  }

  async #take(partition: number, { next, revision }: Lease): Promise<void> {
    const { link, topic, subscription, location, onMissing } = this.#options
    const owner = this.#members.id
    const lease = await this.#leases.write(partition, { owner, next }, revision)
    // Another member was faster.
    if (lease === undefined) return
    const logger = this.#logger.child({ partition })
    this.#logger.debug({ partition, next: String(next) }, 'partition taken')
    const held = new HeldPartition({
      nats: link.nats,
      topicName: subscription.topic,
      topic,
      partition,
      leases: this.#leases,
      lease,
      lanes: {
        handler: (delivery, context) => this.#handle(delivery, context),
        limits: this.#limits,
        onRejected: logRejections(this.#logger),
      },
      timeoutMs: location.requestTimeoutMs,
      logger,
      onLost: () => {
        this.#logger.warn({ partition }, 'partition lost to another member')
        if (this.#held.get(partition) === held) this.#held.delete(partition)
      },
      onMissing,
    })
    this.#held.set(partition, held)
  }

  async #release(partition: number, drainMs: number, tries: number): Promise<void> {
    const held = this.#held.get(partition)
    if (held === undefined) return
    const isReleased = await held.release(drainMs, tries)
    if (!isReleased) this.#logger.warn({ partition }, 'could not give a partition back')
    if (this.#held.get(partition) === held) this.#held.delete(partition)
  }

  #holding(): number[] {
    return [...this.#held].filter(([, held]) => !held.isReleasing).map(([partition]) => partition)
  }
}
