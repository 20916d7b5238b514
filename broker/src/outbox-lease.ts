import type { Handed } from './handed.js'
import type { OutboxEntry, RelayLease } from './outbox.js'
import type { Records } from './outbox-records.js'
import { toEntry } from './outbox-views.js'

/**
 * The lease that was taken as `token`; while it lasts, what is placed here is handed to its holder.
 * `tell` is called when there may be news for whoever listens in this process.
 */
export function createLease(
  records: Records,
  token: string,
  handed: Handed,
  tell: () => void,
): RelayLease {
  handed.taken = true
  return {
    *ready(): Generator<OutboxEntry> {
      // Few, most often one.
      const placed = handed.entries()
      for (const { key, value } of records.ready.entries()) {
        for (let next = placed[0]; next && next[0] < key; next = placed[0]) {
          placed.shift()
          yield toEntry(next[0], 'ready', next[1])
        }
        // It was marked meanwhile.
        if (placed[0]?.[0] === key) placed.shift()
        yield toEntry(key, 'ready', value)
      }
      for (const [id, record] of placed) yield toEntry(id, 'ready', record)
    },
    acknowledged(receipts) {
      for (const { id, published } of receipts) handed.acknowledge(id, published)
      tell()
    },
    async published(receipts) {
      await records.dropPublished(token, receipts)
      for (const { id } of receipts) handed.forget(id)
      records.bell.ring()
    },
    async failed(ids, fault, notBefore) {
      await records.countFailure(token, ids, fault, notBefore?.getTime() ?? 0)
      for (const id of ids) handed.forget(id)
    },
    async release() {
      await handed.end()
      await records.releaseLease(token)
      records.bell.ring()
    },
  }
}
