import type { ProcessIdentity } from '@herald/runtime'
import type { Store } from '@herald/runtime/store'
import type { Message } from '../broker.js'
import { messageBytes } from '../check-request.js'
import { type Announcement, eventOf, type OutboxEntry } from './outbox-entry.js'

/** An entry of Herald 0.1.0, which did not name its broker. */
interface OldEntry {
  readonly announcement: Announcement
  readonly createdAtMs: number
  readonly attempts: number
  readonly lastFault: string | null
  readonly owner: ProcessIdentity
}

const maxMovedAtOnce = 500

/**
 * Moves the entries of Herald 0.1.0, if there are any: they go to the broker of the first program
 * that opens them. Its records of published entries are removed.
 */
export async function migrateOutbox(
  store: Store,
  broker: string,
  add: (entry: OutboxEntry, messages: readonly Message[]) => void,
): Promise<void> {
  for (const kind of ['prepared', 'ready'] as const) {
    await takeAll<OldEntry>(store, kind, (id, { announcement, lastFault, ...kept }) => {
      const { messages, overwrite = false, ...rest } = announcement
      const events = messages.map(eventOf)
      const bytes = messages.reduce((sum, message) => sum + messageBytes(message), 0)
      const { createdAtMs, attempts, owner } = kept
      const entry = { id, state: { kind }, broker, ...rest, overwrite, folders: {}, bytes, events }
      add({ ...entry, createdAtMs, attempts, owner, lastError: lastFault ?? undefined }, messages)
    })
  }
  await takeAll(store, 'receipts', () => {})
}

async function takeAll<T>(store: Store, name: string, take: (id: string, value: T) => void) {
  const table = store.table<T, string>(name)
  while (table.count({ limit: 1 }) > 0) {
    await store.write(() => {
      for (const { key, value } of [...table.entries({ limit: maxMovedAtOnce })]) {
        take(key, value)
        table.remove(key)
      }
    })
  }
}
