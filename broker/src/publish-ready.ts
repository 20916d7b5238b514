import type { Logger } from '@herald/runtime'
import { announcementBytes } from './announcement-size.js'
import { type Broker, BrokerError, type Published } from './broker.js'
import type { OutboxEntry, RelayLease } from './outbox.js'
import { LeaseLost } from './outbox-records.js'

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

const maxBatchBytes = 256 * 1024
const maxBatchMessages = 128
const topicBlockedMs = 30_000
/** So long after the first: those that come meanwhile share its transaction and sync. */
const noteAfterMs = 10
const setAsideMs = { base: 60_000, cap: 3_600_000 }

/** Publishes, step by step, what is ready in an outbox whose lease it was given. */
export class Publisher {
  published = 0
  lastFault: string | undefined
  readonly #lease: RelayLease
  readonly #openBroker: () => Promise<Broker>
  readonly #logger: Logger
  readonly #retrySetAside: boolean
  readonly #tried = new Set<string>()
  readonly #blockedTopics = new Map<string, number>()
  /** Acknowledged, and not yet known as such to the outbox. */
  readonly #acknowledged = new Map<string, readonly Published[]>()
  #noteTimer: NodeJS.Timeout | undefined
  #noting: Promise<void> | undefined
  #noteFailed = false
  #broker: Broker | undefined

  constructor(lease: RelayLease, openBroker: () => Promise<Broker>, options: PublisherOptions) {
    this.#lease = lease
    this.#openBroker = openBroker
    this.#logger = options.logger
    this.#retrySetAside = options.retrySetAside === true
  }

  /**
   * Publishes the next entries, one send in flight; the outbox notes them a little later.
   * Rejects when the outbox fails, then or at a later step, or LeaseLost.
   */
  async step(): Promise<StepResult> {
    if (this.#noteFailed) await this.#noting
    const batch = this.#nextBatch()
    return batch.length === 0 ? 'idle' : this.#publish(batch)
  }

  /** Resolves once the outbox knows all that was published. Rejects as `step` does. */
  async noted(): Promise<void> {
    clearTimeout(this.#noteTimer)
    this.#noteTimer = undefined
    while (this.#acknowledged.size > 0) {
      this.#noting ??= this.#note()
      await this.#noting
    }
  }

  async close(): Promise<void> {
    await this.noted().catch(() => {})
    const broker = this.#broker
    this.#broker = undefined
    await broker?.close()
  }

  /** The oldest entry that may go, and those that follow it to the same topic. */
  #nextBatch(): OutboxEntry[] {
    const batch: OutboxEntry[] = []
    const now = Date.now()
    let bytes = 0
    let messages = 0
    for (const entry of this.#lease.ready()) {
      if (!this.#mayGo(entry, now)) continue
      bytes += announcementBytes(entry.announcement)
      messages += entry.announcement.messages.length
      const full = bytes > maxBatchBytes || messages > maxBatchMessages
      const first = batch[0]
      if (first && (full || first.announcement.topic !== entry.announcement.topic)) break
      batch.push(entry)
    }
    return batch
  }

  #mayGo({ id, notBefore, announcement }: OutboxEntry, now: number): boolean {
    if (this.#acknowledged.has(id)) return false
    if ((this.#blockedTopics.get(announcement.topic) ?? 0) > now) return false
    if (notBefore === undefined || notBefore.getTime() <= now) return true
    return this.#retrySetAside && !this.#tried.has(id)
  }

  async #publish(batch: readonly OutboxEntry[]): Promise<StepResult> {
    const topic = batch[0]?.announcement.topic ?? ''
    let published: Published[]
    try {
      this.#broker ??= await this.#openBroker()
      published = await this.#broker.publish(
        topic,
        batch.flatMap(({ announcement }) => announcement.messages),
      )
    } catch (error) {
      return this.#onFault(batch, topic, error)
    }
    let from = 0
    const receipts = batch.map(({ id, announcement }) => {
      const to = from + announcement.messages.length
      const receipt = { id, published: published.slice(from, to) }
      from = to
      return receipt
    })
    for (const { id, published: places } of receipts) this.#acknowledged.set(id, places)
    this.#lease.acknowledged(receipts)
    this.#noteSoon()
    this.published += batch.length
    this.#logger.debug({ topic, entries: batch.length }, 'published')
    return 'progress'
  }

  #noteSoon(): void {
    this.#noteTimer ??= setTimeout(() => {
      this.#noteTimer = undefined
      this.#noting ??= this.#note()
      this.#noting
        .then(() => {
          if (this.#acknowledged.size > 0) this.#noteSoon()
        })
        .catch(() => {})
    }, noteAfterMs)
  }

  /** One at a time. What fails once fails for good: `step` and `noted` tell. */
  async #note(): Promise<void> {
    const receipts = Array.from(this.#acknowledged, ([id, published]) => ({ id, published }))
    try {
      await this.#lease.published(receipts)
    } catch (error) {
      this.#noteFailed = true
      throw error
    }
    for (const { id } of receipts) this.#acknowledged.delete(id)
    this.#noting = undefined
  }

  async #onFault(
    batch: readonly OutboxEntry[],
    topic: string,
    error: unknown,
  ): Promise<StepResult> {
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
  async #publishSingly(batch: readonly OutboxEntry[]): Promise<StepResult> {
    for (const entry of batch) {
      if ((await this.#publish([entry])) === 'failed') return 'failed'
    }
    return 'progress'
  }

  /** The fault is the entry's own: kept, marked, tried again ever more seldom; others flow past it. */
  async #setAside(batch: readonly OutboxEntry[], fault: string): Promise<StepResult> {
    for (const { id, attempts, announcement } of batch) {
      this.#tried.add(id)
      const waitMs = Math.min(setAsideMs.cap, setAsideMs.base * 2 ** attempts)
      await this.#lease.failed([id], fault, new Date(Date.now() + waitMs))
      this.#logger.error({ entry: id, label: announcement.label, fault }, 'set an event aside')
    }
    return 'progress'
  }
}

function idsOf(batch: readonly OutboxEntry[]): string[] {
  return batch.map(({ id }) => id)
}
