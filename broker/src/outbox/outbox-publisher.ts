import type { Logger } from '@herald/runtime'
import { type Broker, BrokerError, type PublishedPosition } from '../broker.js'
import type { OutboxEntry } from './outbox-entry.js'
import type { OutboxStore } from './outbox-store.js'
import { LeaseLost, leaseDurationMs, type RelayLease } from './relay-lease.js'
import type { EntryWithMessages } from './unpublished-entries.js'

/**
 * `progress`: entries were published or set aside, and there may be more. `idle`: there is nothing to
 * publish now. `failed`: the broker failed; wait before the next step.
 */
export type StepResult = 'progress' | 'idle' | 'failed'

const topicBlockedMs = 30_000
const setAsideDelay = { baseMs: 60_000, maxMs: 3_600_000 }

/** Publishes the ready entries of an outbox, a batch at each step. */
export class OutboxPublisher {
  published = 0
  lastError: string | undefined
  readonly #store: OutboxStore
  readonly #openBroker: () => Promise<Broker>
  readonly #logger: Logger
  /** Topics that are not allowed now, and until when they are not tried again. */
  readonly #blockedTopics = new Map<string, number>()
  /** What the next step returns from set aside to ready. */
  #toReturn: 'due' | 'all' = 'due'
  #broker: Broker | undefined

  constructor(store: OutboxStore, openBroker: () => Promise<Broker>, logger: Logger) {
    this.#store = store
    this.#openBroker = openBroker
    this.#logger = logger
  }

  /** The next step also tries what is set aside. */
  retrySetAside(): void {
    this.#toReturn = 'all'
  }

  /** Publishes the next batch. Rejects if the outbox fails, or with LeaseLost. */
  async step(lease: RelayLease): Promise<StepResult> {
    await this.#store.returnSetAside(this.#toReturn)
    this.#toReturn = 'due'
    for (const [topic, untilMs] of this.#blockedTopics) {
      if (untilMs <= performance.now()) this.#blockedTopics.delete(topic)
    }
    return this.#publish(lease, this.#store.nextBatch(new Set(this.#blockedTopics.keys())))
  }

  /** Closes the broker; the next step opens it again. */
  async close(): Promise<void> {
    const broker = this.#broker
    this.#broker = undefined
    await broker?.close()
  }

  async #publish(lease: RelayLease, batch: readonly EntryWithMessages[]): Promise<StepResult> {
    const topic = batch[0]?.entry.topic
    if (topic === undefined) return 'idle'
    const messages = batch.flatMap((each) => each.messages)
    // Keeps the lease during a long send. If it is lost, the next step rejects with LeaseLost.
    const renewing = setInterval(() => void lease.renew().catch(() => {}), leaseDurationMs / 3)
    let positions: PublishedPosition[]
    try {
      this.#broker ??= await this.#openBroker()
      await lease.ensureHeld()
      positions = await this.#broker.publish(topic, messages)
    } catch (error) {
      return this.#onError(lease, topic, batch, error)
    } finally {
      clearInterval(renewing)
    }
    let next = 0
    const sent = batch.map(({ entry: { id }, messages }) => {
      const first = next
      next += messages.length
      return { id, to: positions.slice(first, next) }
    })
    await this.#store.recordPublished(lease, sent)
    this.published += batch.length
    this.#logger.debug({ topic, entries: batch.length }, 'published')
    return 'progress'
  }

  async #onError(
    lease: RelayLease,
    topic: string,
    batch: readonly EntryWithMessages[],
    error: unknown,
  ): Promise<StepResult> {
    if (error instanceof LeaseLost) throw error
    const code = error instanceof BrokerError ? error.code : undefined
    const reason = error instanceof Error ? error.message : String(error)
    this.lastError = reason
    if (error instanceof BrokerError && error.rejectsMessage) {
      if (batch.length > 1) return this.#publishSingly(lease, batch)
      for (const { entry } of batch) await this.#setAside(lease, entry, reason)
      return 'progress'
    }
    const ids = batch.map(({ entry }) => entry.id)
    await this.#store.recordFailure(lease, ids, reason)
    if (code === 'BROKER_NOT_ALLOWED') {
      // It may be allowed later. Its entries wait, so that they keep their order; other topics continue.
      this.#blockedTopics.set(topic, performance.now() + topicBlockedMs)
      this.#logger.warn({ topic, reason }, 'not allowed to publish to this topic; will try again')
      return 'progress'
    }
    if (code === 'BROKER_CLOSED') this.#broker = undefined
    this.#logger.warn({ topic, reason, entries: batch.length }, 'could not publish; will try again')
    return 'failed'
  }

  /** Publishes one by one, to find the entry that the broker refuses. */
  async #publishSingly(
    lease: RelayLease,
    batch: readonly EntryWithMessages[],
  ): Promise<StepResult> {
    for (const each of batch) {
      if ((await this.#publish(lease, [each])) === 'failed') return 'failed'
    }
    return 'progress'
  }

  /** Keeps an entry with an error of its own for a later attempt, each time longer; the others continue. */
  async #setAside(lease: RelayLease, entry: OutboxEntry, reason: string): Promise<void> {
    const { id, label, attempts } = entry
    const waitMs = Math.min(setAsideDelay.maxMs, setAsideDelay.baseMs * 2 ** attempts)
    await this.#store.recordFailure(lease, [id], reason, Date.now() + waitMs)
    this.#logger.error({ entry: id, label, reason }, 'set an entry aside')
  }
}
