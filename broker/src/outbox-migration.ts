import type { ProcessIdentity } from '@herald/runtime'
import type { Store } from '@herald/runtime/store'
import { eventOf, messageBytes } from './announcement-events.js'
import type { Message } from './broker.js'
import type { Announcement } from './outbox.js'
import type { EntryRecord } from './outbox-records.js'

/** An entry of Herald 0.1.0, which did not name its broker. */
interface OldEntry {
  readonly announcement: Announcement
  readonly createdAtMs: number
  readonly attempts: number
  readonly lastFault: string | null
  readonly owner: ProcessIdentity
  readonly notBeforeMs: number
}

const maxMovedAtOnce = 500

/** Moves the entries of Herald 0.1.0, if there are any: they go to the broker of the first program that opens them. */
export async function migrateOutbox(
  store: Store,
  broker: string,
  add: (id: string, record: EntryRecord, messages: readonly Message[]) => void,
): Promise<void> {
  for (const state of ['prepared', 'ready'] as const) {
    const old = store.table<OldEntry, string>(state)
    while (old.count({ limit: 1 }) > 0) {
      await store.write(() => {
        for (const { key, value } of [...old.entries({ limit: maxMovedAtOnce })]) {
          const { announcement, ...kept } = value
          const { messages, overwrite = false, topic, label, files } = announcement
          const events = messages.map(eventOf)
          const bytes = messageBytes(messages)
          const record = { ...kept, state, broker, topic, label, files, overwrite, folders: {} }
          add(key, { ...record, bytes, events }, messages)
          old.remove(key)
        }
      })
    }
  }
}
