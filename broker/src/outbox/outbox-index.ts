import type { Store, StoreKey, Table } from '@herald/runtime/store'
import { brokerKey } from '../broker-name.js'
import type { OutboxEntry } from './outbox-entry.js'

/** After every string that a topic or an id can be. */
const lastKey = '\uffff'

/**
 * The ids of the entries that are not published, by their state; each entry has one key. `add` and
 * `remove` are called inside `Store.write`.
 */
export class OutboxIndex {
  readonly #keys: Table<1>
  readonly #ready: StoreKey[]
  readonly #setAside: StoreKey[]

  /** Ready entries, set aside or not, are those to `broker` alone; prepared ones are of all brokers. */
  constructor(store: Store, broker: string) {
    this.#keys = store.table('outbox-index')
    this.#ready = ['ready', brokerKey(broker)]
    this.#setAside = ['set aside', brokerKey(broker)]
  }

  add(entry: OutboxEntry): void {
    this.#keys.put(keyOf(entry), 1)
  }

  remove(entry: OutboxEntry): void {
    this.#keys.remove(keyOf(entry))
  }

  prepared(): Generator<string> {
    return this.#ids(within(['prepared']))
  }

  ready(topic: string): Generator<string> {
    return this.#ids(within([...this.#ready, topic]))
  }

  /** At most `limit` of those set aside until then, the earliest first. */
  setAside(untilMs: number, limit: number): string[] {
    const end = [...this.#setAside, untilMs]
    return [...this.#ids({ start: this.#setAside, end, limit })]
  }

  /** Set aside or not. Takes time linear in their number. */
  countReady(): number {
    return this.#keys.count(within(this.#ready)) + this.#keys.count(within(this.#setAside))
  }

  /** The topic of the oldest ready entry that is not to one of `blockedTopics`. Reads one key per topic. */
  topicOfOldest(blockedTopics: ReadonlySet<string>): string | undefined {
    let oldest: { readonly topic: string; readonly id: string } | undefined
    const { start: first, end } = within(this.#ready)
    for (let start = first; ; ) {
      const [next] = this.#keys.entries({ start, end, limit: 1 })
      if (next === undefined) return oldest?.topic
      const [, , topic = '', id = ''] = next.key as string[]
      const isOlder = oldest === undefined || id < oldest.id
      if (isOlder && !blockedTopics.has(topic)) oldest = { topic, id }
      start = [...this.#ready, topic, lastKey]
    }
  }

  *#ids(range: { start: StoreKey[]; end: StoreKey[]; limit?: number }): Generator<string> {
    for (const { key } of this.#keys.entries(range)) yield (key as string[]).at(-1) as string
  }
}

function keyOf({ id, state, broker, topic }: OutboxEntry): StoreKey[] {
  switch (state.kind) {
    case 'set aside':
      return ['set aside', brokerKey(broker), state.untilMs, id]
    case 'ready':
      return ['ready', brokerKey(broker), topic, id]
    default:
      return ['prepared', id]
  }
}

const within = (prefix: StoreKey[]) => ({ start: prefix, end: [...prefix, lastKey] })
