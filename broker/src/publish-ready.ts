import type { Logger } from '@herald/runtime'
import { type Broker, BrokerError, type PublishedPosition } from './broker.js'
import type { OutboxEntry } from './outbox-entry.js'
import type { OutboxStore, ReadyEntry } from './outbox-store.js'
import { LeaseLost, leaseMs, type RelayLease } from './relay-lease.js'

/**
 * `progress`: some entries are dealt with, there may be more. `idle`: nothing may be published
 * now. `failed`: the broker cannot; come back later.
 */
export type StepResult = 'progress' | 'idle' | 'failed'

const topicBlockedMs = 30_000
const setAsideMs = { base: 60_000, cap: 3_600_000 }

/** Publishes, step by step, what is ready in an outbox. */
export class Publisher {
  published = 0
  lastError: string | undefined
  readonly #store: OutboxStore
  readonly #openBroker: () => Promise<Broker>
  readonly #logger: Logger
  /** Topic → until when. */
  readonly #blockedTopics = new Map<string, number>()
  #return: 'due' | 'all' = 'due'
  #broker: Broker | undefined

  constructor(store: OutboxStore, openBroker: () => Promise<Broker>, logger: Logger) {
    this.#store = store
    this.#openBroker = openBroker
    this.#logger = logger
  }

  /** Lets the next step try what is set aside, too. */
  retrySetAside(): void {
    this.#return = 'all'
  }

  /** Publishes the next entries, one send in flight. Rejects if the outbox fails, or with LeaseLost. */
  async step(lease: RelayLease): Promise<StepResult> {
    await this.#store.returnSetAside(this.#return)
    this.#return = 'due'
    for (const [topic, untilMs] of this.#blockedTopics) {
      if (untilMs <= Date.now()) this.#blockedTopics.delete(topic)
    }
    return this.#publish(lease, this.#store.nextBatch(new Set(this.#blockedTopics.keys())))
  }

  /** Closes the broker; the next step opens it again. */
  async close(): Promise<void> {
    const broker = this.#broker
    this.#broker = undefined
    await broker?.close()
  }

  async #publish(lease: RelayLease, batch: readonly ReadyEntry[]): Promise<StepResult> {
    const topic = batch[0]?.entry.topic
    if (topic === undefined) return 'idle'
    const messages = batch.flatMap((each) => each.messages)
    // Keeps the lease while the send takes long. If it is lost, the next step notices.
    const renewing = setInterval(() => void lease.renew().catch(() => {}), leaseMs / 3)
    let published: PublishedPosition[]
    try {
      this.#broker ??= await this.#openBroker()
      await lease.ensureHeld()
      published = await this.#broker.publish(topic, messages)
    } catch (error) {
      return this.#onError(lease, topic, batch, error)
    } finally {
      clearInterval(renewing)
    }
    let next = 0
    const sent = batch.map(({ entry: { id }, messages }) => {
      const first = next
      next += messages.length
      return { id, to: published.slice(first, next) }
    })
    await this.#store.recordPublished(lease, sent)
    this.published += batch.length
    this.#logger.debug({ topic, entries: batch.length }, 'published')
    return 'progress'
  }

  async #onError(
    lease: RelayLease,
    topic: string,
    batch: readonly ReadyEntry[],
    error: unknown,
  ): Promise<StepResult> {
    if (error instanceof LeaseLost) throw error
    const code = error instanceof BrokerError ? error.code : undefined
    const reason = error instanceof Error ? error.message : String(error)
    this.lastError = reason
    if (code === 'BROKER_MESSAGE_TOO_LARGE' || code === 'BROKER_INVALID_MESSAGE') {
      if (batch.length > 1) return this.#publishSingly(lease, batch)
      for (const { entry } of batch) await this.#setAside(lease, entry, reason)
      return 'progress'
    }
    const ids = batch.map(({ entry }) => entry.id)
    await this.#store.recordFailure(lease, ids, reason)
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

  /** Finds the entry that the broker refuses. */
  async #publishSingly(lease: RelayLease, batch: readonly ReadyEntry[]): Promise<StepResult> {
    for (const each of batch) {
      if ((await this.#publish(lease, [each])) === 'failed') return 'failed'
    }
    return 'progress'
  }

  /** Keeps an entry with an error of its own for later, each time longer; the others go on. */
  async #setAside(lease: RelayLease, entry: OutboxEntry, reason: string): Promise<void> {
    const { id, label, attempts } = entry
    const waitMs = Math.min(setAsideMs.cap, setAsideMs.base * 2 ** attempts)
    await this.#store.recordFailure(lease, [id], reason, Date.now() + waitMs)
    this.#logger.error({ entry: id, label, reason }, 'set an event aside')
  }
}
