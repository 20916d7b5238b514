import type { Store, Table } from '@herald/runtime/store'
import type { Message, RawMessage } from '../../broker.js'
import type { TopicSettings } from '../../check-request.js'
import type { LaneEvent } from '../../lanes.js'
import { partitionPosition } from '../../partition-position.js'

type PartitionKey = [topic: string, partition: number]
type EventKey = [topic: string, partition: number, offset: number]

interface StoredEvent {
  readonly key: string | null
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, Uint8Array>>
  readonly raw?: RawMessage
  /** When it was appended, in milliseconds since the epoch. */
  readonly at: number
}

/** Events removed in one transaction: other writers wait for it. */
const maxRemovedAtOnce = 500

/** Topics and their partitions: per partition, events appended at ascending offsets from 0. */
export class EventLog {
  readonly #store: Store
  readonly #topics: Table<TopicSettings, string>
  /** The offset of the next event; kept apart from the events, which retention may remove. */
  readonly #next: Table<number, PartitionKey>
  readonly #events: Table<StoredEvent, EventKey>

  constructor(store: Store) {
    this.#store = store
    this.#topics = store.table('topics')
    this.#next = store.table('next-offsets')
    this.#events = store.table('events')
  }

  topic(name: string): TopicSettings | undefined {
    return this.#topics.get(name)
  }

  /** Creates the topic if it is absent; an existing one keeps its settings. Inside `Store.write`. */
  ensureTopic(name: string, settings: TopicSettings): TopicSettings {
    const existing = this.#topics.get(name)
    if (existing !== undefined) return existing
    this.#topics.put(name, settings)
    return settings
  }

  /** Appends in the order given; returns the offsets. Inside `Store.write`. */
  append(topic: string, placed: readonly { partition: number; message: Message }[]): number[] {
    const at = Date.now()
    const next = new Map<number, number>()
    const offsets = placed.map(({ partition, message: { key, value, headers, raw } }) => {
      const offset = next.get(partition) ?? this.nextOffset(topic, partition)
      next.set(partition, offset + 1)
      this.#events.put([topic, partition, offset], { key, value, headers, ...(raw && { raw }), at })
      return offset
    })
    for (const [partition, offset] of next) this.#next.put([topic, partition], offset)
    return offsets
  }

  /** At most `limit` events from `from` on, ascending. Offsets have gaps if events expired. */
  read(topic: string, partition: number, from: number, limit: number): LaneEvent[] {
    const start: EventKey = [topic, partition, from]
    const end: EventKey = [topic, partition, Infinity]
    return Array.from(
      this.#events.entries({ start, end, limit }),
      ({ key: [, , offset], value: { at, ...message } }) => ({
        offset: BigInt(offset),
        delivery: {
          ...message,
          topic,
          ...partitionPosition(partition, String(offset)),
          publishedAt: new Date(at),
        },
      }),
    )
  }

  /** The offset that the next event of the partition gets. */
  nextOffset(topic: string, partition: number): number {
    return this.#next.get([topic, partition]) ?? 0
  }

  /** The offset of the oldest event kept, or of the next one if none is kept. */
  oldestOffset(topic: string, partition: number): number {
    const [oldest] = this.read(topic, partition, 0, 1)
    return oldest === undefined ? this.nextOffset(topic, partition) : Number(oldest.offset)
  }

  /** Removes what is older than its topic's retention, a few events per transaction. */
  async removeExpired(signal: AbortSignal): Promise<void> {
    for (const { key: topic, value: settings } of [...this.#topics.entries()]) {
      const before = Date.now() - settings.retentionMs
      const isExpired = ({ delivery }: LaneEvent) => delivery.publishedAt.getTime() < before
      for (let partition = 0; partition < settings.partitions; partition += 1) {
        while (!signal.aborted && this.read(topic, partition, 0, 1).some(isExpired)) {
          await this.#store.write(() => {
            for (const event of this.read(topic, partition, 0, maxRemovedAtOnce)) {
              if (!isExpired(event)) break
              this.#events.remove([topic, partition, Number(event.offset)])
            }
          })
        }
      }
    }
  }
}
