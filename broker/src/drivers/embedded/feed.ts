import type { Logger } from '@herald/runtime'
import type { Slots } from '../../slots.js'
import type { EventLog } from './event-log.js'
import type { Holding } from './holding.js'

export interface FeedOptions {
  readonly log: EventLog
  readonly topic: string
  readonly holdings: Map<number, Holding>
  readonly slots: Slots
  readonly logger: Logger
}

/** Read in one turn of the event loop from one partition. */
const atOnce = 256

/** Moves events from the log into the lanes of the partitions held, as far as there is room. */
export class Feed {
  readonly #options: FeedOptions
  #due: NodeJS.Immediate | undefined
  #stopped = false

  constructor(options: FeedOptions) {
    this.#options = options
  }

  /** The log may have grown. */
  wake(): void {
    for (const holding of this.#options.holdings.values()) holding.more = true
    this.soon()
  }

  /** There may be room. */
  soon(): void {
    if (this.#stopped) return
    this.#due ??= setImmediate(() => {
      this.#due = undefined
      try {
        this.#fill()
      } catch (error) {
        // The next ring or poll tries again.
        this.#options.logger.error({ err: error, topic: this.#options.topic }, 'could not read')
      }
    })
  }

  /** Reads no more. */
  stop(): void {
    this.#stopped = true
    clearImmediate(this.#due)
  }

  #fill(): void {
    const { holdings, slots } = this.#options
    let more = false
    for (const holding of [...holdings.values()]) {
      const limit = Math.min(holding.lanes.room, atOnce)
      if (!holding.more || limit === 0) continue
      this.#read(holding, limit)
      more ||= holding.more
      // The next round begins with the others.
      if (holdings.delete(holding.partition)) holdings.set(holding.partition, holding)
    }
    if (more && slots.room(0) > 0) this.soon()
  }

  #read(holding: Holding, limit: number): void {
    const { log, topic } = this.#options
    const { partition, lanes } = holding
    const events = log.read(topic, partition, Number(lanes.position), limit)
    holding.more = events.length === limit
    lanes.push(
      events.map(({ offset, message, publishedAt }) => ({
        offset: BigInt(offset),
        delivery: {
          ...message,
          topic,
          partition,
          offset: String(offset),
          publishedAt: new Date(publishedAt),
        },
      })),
    )
  }
}
