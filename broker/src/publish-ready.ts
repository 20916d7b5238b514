import type { Logger } from '@herald/runtime'
import { type Broker, BrokerError, type Published } from './broker.js'
import type { OutboxStore, ReadyEntry } from './outbox-store.js'
import { LeaseLost, leaseMs, type RelayLease } from './relay-lease.js'

/**
 * `progress`: some entries are dealt with, there may be more. `idle`: nothing may be published
 * now. `failed`: the broker cannot; come back later.
 */
export type StepResult = 'progress' | 'idle' | 'failed'

export interface PublisherOptions {
  readonly openBroker: () => Promise<Broker>
  readonly logger: Logger
  /** Tries also, once, what is set aside. */
  readonly retrySetAside: boolean
}

const topicBlockedMs = 30_000
const setAsideMs = { base: 60_000, cap: 3_600_000 }

/** Publishes, step by step, what is ready in an outbox, under a lease. */
export class Publisher {
  published = 0
  lastError: string | undefined
  readonly #store: OutboxStore
  readonly #lease: RelayLease
  readonly #openBroker: () => Promise<Broker>
  readonly #logger: Logger
  /** Topic → until when. */
  readonly #blockedTopics = new Map<string, number>()
  #returnAll: boolean
  #broker: Broker | undefined

  constructor(store: OutboxStore, lease: RelayLease, options: PublisherOptions) {
    this.#store = store
    this.#lease = lease
    this.#openBroker = options.openBroker
    this.#logger = options.logger
    this.#returnAll = options.retrySetAside
  }

  /** Publishes the next entries, one send in flight. Rejects if the outbox fails, or with LeaseLost. */
  async step(): Promise<StepResult> {
    await this.#store.returnSetAside(this.#returnAll ? 'all' : 'due')
    this.#returnAll = false
    for (const [topic, untilMs] of this.#blockedTopics) {
      if (untilMs <= Date.now()) this.#blockedTopics.delete(topic)
    }
    const batch = this.#store.nextBatch(new Set(this.#blockedTopics.keys()))
    return batch.length === 0 ? 'idle' : this.#publish(batch)
  }

  async close(): Promise<void> {
    await this.#broker?.close()
  }

  async #publish(batch: readonly ReadyEntry[]): Promise<StepResult> {
    const topic = batch[0]?.entry.topic ?? ''
    const messages = batch.flatMap((each) => each.messages)
    let published: Published[]
    try {
      this.#broker ??= await this.#openBroker()
      await this.#lease.ensureHeld()
      published = await this.#renewing(this.#broker.publish(topic, messages))
    } catch (error) {
      return this.#onError(batch, topic, error)
    }
    let next = 0
    const sent = batch.map(({ entry: { id }, messages }) => {
      const first = next
      next += messages.length
      return { id, to: published.slice(first, next) }
    })
    await this.#store.recordPublished(this.#lease, sent)
    this.published += batch.length
    this.#logger.debug({ topic, entries: batch.length }, 'published')
    return 'progress'
  }

  /** Keeps the lease while `work` takes its time. */
  async #renewing<T>(work: Promise<T>): Promise<T> {
    // A lease that is lost is noticed before the next send.
    const timer = setInterval(() => void this.#lease.renew().catch(() => {}), leaseMs / 3)
    try {
      return await work
    } finally {
      clearInterval(timer)
    }
  }

  async #onError(batch: readonly ReadyEntry[], topic: string, error: unknown): Promise<StepResult> {
    if (error instanceof LeaseLost) throw error
    const code = error instanceof BrokerError ? error.code : undefined
    const reason = error instanceof Error ? error.message : String(error)
    this.lastError = reason
    if (code === 'BROKER_MESSAGE_TOO_LARGE' || code === 'BROKER_INVALID_MESSAGE') {
      return batch.length > 1 ? this.#publishSingly(batch) : this.#setAside(batch, reason)
    }
    const ids = batch.map(({ entry }) => entry.id)
    await this.#store.recordFailure(this.#lease, ids, reason)
    if (code === 'BROKER_NOT_ALLOWED') {
      // The permission for this topic may come; its order is kept, other topics flow on.
      this.#blockedTopics.set(topic, Date.now() + topicBlockedMs)
      this.#logger.warn({ topic, reason }, 'may not publish to this topic; will try again')
      return 'progress'
    }
    if (code === 'BROKER_CLOSED') this.#broker = undefined
    this.#logger.warn({ topic, reason, entries: batch.length }, 'could not publish; will try again')
    return 'failed'
  }

  /** Finds the one of the batch that the broker refuses. */
  async #publishSingly(batch: readonly ReadyEntry[]): Promise<StepResult> {
    for (const each of batch) {
      if ((await this.#publish([each])) === 'failed') return 'failed'
    }
    return 'progress'
  }

  /** Keeps an entry with an error of its own for later, each time longer; the others go on. */
  async #setAside(batch: readonly ReadyEntry[], reason: string): Promise<StepResult> {
    for (const { entry } of batch) {
      const waitMs = Math.min(setAsideMs.cap, setAsideMs.base * 2 ** entry.attempts)
      await this.#store.recordFailure(this.#lease, [entry.id], reason, Date.now() + waitMs)
      this.#logger.error({ entry: entry.id, label: entry.label, reason }, 'set an event aside')
    }
    return 'progress'
  }
}
