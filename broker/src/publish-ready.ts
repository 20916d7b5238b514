import type { Logger } from '@herald/runtime'
import { type Broker, BrokerError, type Published } from './broker.js'
import type { ReadyEntry, RelayLease } from './outbox.js'
import { LeaseLost, leaseMs } from './relay-leases.js'

/**
 * `progress`: some entries are dealt with, there may be more. `idle`: nothing may be published
 * now. `failed`: the broker cannot; come back later.
 */
export type StepResult = 'progress' | 'idle' | 'failed'

export interface PublisherOptions {
  logger: Logger
  /** Tries also, once, what is set aside. */
  retrySetAside?: boolean
}

const topicBlockedMs = 30_000
const setAsideMs = { base: 60_000, cap: 3_600_000 }

/** Publishes, step by step, what is ready in an outbox whose lease it was given. */
export class Publisher {
  published = 0
  lastFault: string | undefined
  readonly #lease: RelayLease
  readonly #openBroker: () => Promise<Broker>
  readonly #logger: Logger
  readonly #blockedTopics = new Map<string, number>()
  #returnAll: boolean
  #broker: Broker | undefined

  constructor(lease: RelayLease, openBroker: () => Promise<Broker>, options: PublisherOptions) {
    this.#lease = lease
    this.#openBroker = openBroker
    this.#logger = options.logger
    this.#returnAll = options.retrySetAside === true
  }

  /** Publishes the next entries, one send in flight. Rejects if the outbox fails, or with LeaseLost. */
  async step(): Promise<StepResult> {
    await this.#lease.returnSetAside(this.#returnAll ? 'all' : 'due')
    this.#returnAll = false
    const batch = this.#lease.next(this.#openBlockedTopics())
    return batch.length === 0 ? 'idle' : this.#publish(batch)
  }

  async close(): Promise<void> {
    const broker = this.#broker
    this.#broker = undefined
    await broker?.close()
  }

  #openBlockedTopics(): ReadonlySet<string> {
    const now = Date.now()
    for (const [topic, untilMs] of this.#blockedTopics) {
      if (untilMs <= now) this.#blockedTopics.delete(topic)
    }
    return new Set(this.#blockedTopics.keys())
  }

  async #publish(batch: readonly ReadyEntry[]): Promise<StepResult> {
    const topic = batch[0]?.topic ?? ''
    let published: Published[]
    try {
      this.#broker ??= await this.#openBroker()
      await this.#lease.ensure()
      published = await this.#renewing(
        this.#broker.publish(
          topic,
          batch.flatMap(({ messages }) => messages),
        ),
      )
    } catch (error) {
      return this.#onFault(batch, topic, error)
    }
    let from = 0
    const receipts = batch.map(({ id, messages }) => {
      const to = from + messages.length
      const receipt = { id, published: published.slice(from, to) }
      from = to
      return receipt
    })
    this.#lease.acknowledge(receipts)
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

  async #onFault(batch: readonly ReadyEntry[], topic: string, error: unknown): Promise<StepResult> {
    if (error instanceof LeaseLost) throw error
    const code = error instanceof BrokerError ? error.code : undefined
    const fault = error instanceof Error ? error.message : String(error)
    this.lastFault = fault
    if (code === 'BROKER_MESSAGE_TOO_LARGE' || code === 'BROKER_INVALID_MESSAGE') {
      return batch.length > 1 ? this.#publishSingly(batch) : this.#setAside(batch, fault)
    }
    await this.#lease.failed(idsOf(batch), fault)
    if (code === 'BROKER_NOT_ALLOWED') {
      // The permission for this topic may come; its order is kept, other topics flow on.
      this.#blockedTopics.set(topic, Date.now() + topicBlockedMs)
      this.#logger.warn({ topic, fault }, 'may not publish to this topic; will try again')
      return 'progress'
    }
    if (code === 'BROKER_CLOSED') this.#broker = undefined
    this.#logger.warn({ topic, fault, entries: batch.length }, 'could not publish; will try again')
    return 'failed'
  }

  /** One of the batch is at fault: find it. */
  async #publishSingly(batch: readonly ReadyEntry[]): Promise<StepResult> {
    for (const entry of batch) {
      if ((await this.#publish([entry])) === 'failed') return 'failed'
    }
    return 'progress'
  }

  /** The error is the entry's own: kept, marked, tried again after ever longer times; others flow past it. */
  async #setAside(batch: readonly ReadyEntry[], fault: string): Promise<StepResult> {
    for (const { id, attempts, label } of batch) {
      const waitMs = Math.min(setAsideMs.cap, setAsideMs.base * 2 ** attempts)
      await this.#lease.failed([id], fault, new Date(Date.now() + waitMs))
      this.#logger.error({ entry: id, label, fault }, 'set an event aside')
    }
    return 'progress'
  }
}

function idsOf(batch: readonly ReadyEntry[]): string[] {
  return batch.map(({ id }) => id)
}
