import type { Store, Table } from '@herald/runtime/store'
import type { Message, RawMessage } from '../../broker.js'

export interface TopicSettings {
  readonly partitions: number
  readonly retentionMs: number
}

export interface LoggedEvent {
  readonly offset: number
  readonly message: Message
  /** Milliseconds since the epoch. */
  readonly publishedAt: number
}

type PartitionKey = [topic: string, partition: number]
type EventKey = [topic: string, partition: number, offset: number]

interface StoredEvent {
  readonly key: string | null
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, Uint8Array>>
  readonly raw?: RawMessage
  readonly at: number
}

/** Topics and their partitions: per partition, events appended at ascending offsets from 0. */
export class EventLog {
  readonly #topics: Table<TopicSettings, string>
  /** The offset the next event gets; kept apart from the events, which retention may remove. */
  readonly #next: Table<number, PartitionKey>
  readonly #events: Table<StoredEvent, EventKey>

  constructor(store: Store) {
    this.#topics = store.table('topics')
    this.#next = store.table('next-offsets')
    this.#events = store.table('events')
  }

  topics(): { name: string; settings: TopicSettings }[] {
    return Array.from(this.#topics.entries(), ({ key, value }) => ({ name: key, settings: value }))
  }

  topic(name: string): TopicSettings | undefined {
    return this.#topics.get(name)
  }

  /** Makes the topic when absent; one that exists keeps its settings. Inside `Store.write`. */
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

  /** At most `limit` events from `from` on, ascending; offsets may have gaps where events expired. */
  read(topic: string, partition: number, from: number, limit: number): LoggedEvent[] {
    const range = {
      start: key(topic, partition, from),
      end: key(topic, partition, Infinity),
      limit,
    }
    return Array.from(
      this.#events.entries(range),
      ({ key: [, , offset], value: { at, ...message } }) => ({ offset, message, publishedAt: at }),
    )
  }

  /** The offset that the next event of the partition gets. */
  nextOffset(topic: string, partition: number): number {
    return this.#next.get([topic, partition]) ?? 0
  }

  /** The offset of the oldest event kept, or that of the next one where none is. */
  oldestOffset(topic: string, partition: number): number {
    return this.read(topic, partition, 0, 1)[0]?.offset ?? this.nextOffset(topic, partition)
  }

  /** Whether the partition's oldest event was published before `time`. */
  hasOlderThan(topic: string, partition: number, time: number): boolean {
    const oldest = this.read(topic, partition, 0, 1)[0]
    return oldest !== undefined && oldest.publishedAt < time
  }

  /** Removes the oldest events published before `time`, at most `limit`; returns how many. Inside `Store.write`. */
  removeOlderThan(topic: string, partition: number, time: number, limit: number): number {
    const oldest = this.read(topic, partition, 0, limit)
    const firstKept = oldest.findIndex(({ publishedAt }) => publishedAt >= time)
    const expired = firstKept === -1 ? oldest : oldest.slice(0, firstKept)
    for (const { offset } of expired) this.#events.remove([topic, partition, offset])
    return expired.length
  }
}

function key(topic: string, partition: number, offset: number): EventKey {
  return [topic, partition, offset]
}
