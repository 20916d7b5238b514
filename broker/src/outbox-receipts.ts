import type { Store } from '@herald/runtime/store'
import type { Published } from './broker.js'
import type { OutboxReceipt } from './outbox.js'

/** What stays of an entry that was published. Absent: a receipt of before these were kept. */
export interface StoredReceipt {
  readonly published: readonly Published[]
  readonly atMs: number
  readonly createdAtMs?: number
  readonly attempts?: number
  readonly topic?: string
  readonly label?: string
  /** `ce_id` and `ce_subject` of each message, in their order. */
  readonly events?: readonly (readonly [id: string, subject: string])[]
}

const keptMs = 7 * 24 * 3_600_000
const maxKept = 10_000
const maxPrunedAtOnce = 500
/** Counting walks all of them, which takes a millisecond of the one thread there is. */
const countEvery = 100

/** `put` and `prune` only inside a write. */
export function openReceipts(store: Store) {
  const receipts = store.table<StoredReceipt, string>('receipts')
  let sinceCounted = countEvery

  const countExcess = (added: number) => {
    sinceCounted += added
    if (sinceCounted < countEvery) return 0
    sinceCounted = 0
    return receipts.count() - (maxKept - countEvery)
  }

  return {
    get: (id: string) => receipts.get(id),
    put: (id: string, receipt: StoredReceipt) => receipts.put(id, receipt),

    /** Removes the oldest, after `added` were put. */
    prune(added: number, nowMs: number): void {
      let excess = countExcess(added)
      for (let pruned = 0; pruned < maxPrunedAtOnce; pruned += 1) {
        // Ids begin with their time. Read one by one: most often the first one stays.
        const [oldest] = receipts.entries({ limit: 1 })
        if (oldest === undefined) break
        if (excess <= 0 && oldest.value.atMs > nowMs - keptMs) break
        receipts.remove(oldest.key)
        excess -= 1
      }
    },

    *latestFirst(): Generator<OutboxReceipt> {
      for (const { key, value } of receipts.entries({ reverse: true })) yield toReceipt(key, value)
    },
  }
}

function toReceipt(id: string, receipt: StoredReceipt): OutboxReceipt {
  const { published, atMs, createdAtMs = atMs, attempts = 0, topic = '', label = '' } = receipt
  return {
    id,
    topic,
    label,
    attempts,
    createdAt: new Date(createdAtMs),
    publishedAt: new Date(atMs),
    events: (receipt.events ?? []).map(([event, subject], at) => ({
      ...published[at],
      id: event,
      subject,
    })),
  }
}
