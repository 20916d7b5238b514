import { type ProcessIdentity, thisProcess } from '@herald/runtime'
import { isSameProcess } from '@herald/runtime/process-identity'
import { openStore, type Store } from '@herald/runtime/store'
import type { Message, Published } from './broker.js'
import { brokerKey } from './broker-name.js'
import type { OutboxEvent, OutboxFile } from './outbox.js'
import { migrateOutbox } from './outbox-migration.js'
import { openReceipts, type StoredReceipt } from './outbox-receipts.js'
import { openLeases } from './relay-leases.js'

/** An entry as it is stored, without its messages: a look at it decodes no body. */
export interface EntryRecord {
  readonly state: 'prepared' | 'ready'
  readonly broker: string
  readonly topic: string
  readonly label: string
  readonly files: readonly OutboxFile[]
  readonly overwrite: boolean
  /** Folders of the files, as they were when it was prepared: path → device and inode. */
  readonly folders: Readonly<Record<string, string>>
  readonly bytes: number
  readonly events: readonly OutboxEvent[]
  readonly createdAtMs: number
  readonly attempts: number
  readonly lastFault: string | null
  /** The process that may place it; a dead one's entry is adopted. */
  readonly owner: ProcessIdentity
  /** Set aside until then; 0 if it is not. */
  readonly notBeforeMs: number
}

/** `[broker, topic, id]` and `[broker, notBeforeMs, id]`; the broker by its `brokerKey`. */
type ReadyKey = [string, string, string]
type SetAsideKey = [string, number, string]

/** After every string that a topic or an id can be. */
export const lastKey = '\uffff'
const maxMovedAtOnce = 500

export type Records = Awaited<ReturnType<typeof openRecords>>
export type Tables = ReturnType<typeof openTables>

function openTables(store: Store) {
  return {
    entries: store.table<EntryRecord, string>('entries'),
    messages: store.table<readonly Message[], string>('messages'),
    // Indexes of `entries`: each entry is in exactly one.
    prepared: store.table<1, string>('prepared-ids'),
    ready: store.table<1, ReadyKey>('ready-ids'),
    setAside: store.table<1, SetAsideKey>('set-aside-ids'),
  }
}

/** The tables of an outbox and what changes in them at once. Every change is one transaction. */
export async function openRecords(directory: string, broker: string) {
  const store = openStore(directory)
  const tables = openTables(store)
  const { entries, messages, prepared, ready, setAside } = tables
  const receipts = openReceipts(store)
  const key = brokerKey(broker)
  let closed = false

  const write = <T>(change: () => T): Promise<T> =>
    closed ? Promise.reject(new Error('the outbox is closed')) : store.write(change)
  const leases = openLeases(store, write, key)

  /** Puts the entry and its place in the indexes. `old`: what is stored now. */
  const put = (id: string, record: EntryRecord, old: EntryRecord | undefined) => {
    if (old) removeFromIndex(id, old)
    entries.put(id, record)
    const to = brokerKey(record.broker)
    if (record.state === 'prepared') prepared.put(id, 1)
    else if (record.notBeforeMs > 0) setAside.put([to, record.notBeforeMs, id], 1)
    else ready.put([to, record.topic, id], 1)
  }

  const removeFromIndex = (id: string, { state, broker, topic, notBeforeMs }: EntryRecord) => {
    const to = brokerKey(broker)
    if (state === 'prepared') prepared.remove(id)
    else if (notBeforeMs > 0) setAside.remove([to, notBeforeMs, id])
    else ready.remove([to, topic, id])
  }

  const remove = (id: string): EntryRecord | undefined => {
    const record = entries.get(id)
    if (record === undefined) return undefined
    removeFromIndex(id, record)
    entries.remove(id)
    messages.remove(id)
    return record
  }

  const add = (id: string, record: EntryRecord, body: readonly Message[]) => {
    messages.put(id, body)
    put(id, record, undefined)
  }
  try {
    await migrateOutbox(store, broker, add)
  } catch (error) {
    await store.close()
    throw error
  }

  /** Changes an entry that is still prepared; says whether it did. */
  const changePrepared = (id: string, change: (record: EntryRecord) => EntryRecord | undefined) =>
    write(() => {
      const record = entries.get(id)
      if (record?.state !== 'prepared') return false
      const changed = change(record)
      if (changed) put(id, changed, record)
      return changed !== undefined
    })

  return {
    bell: store.bell,
    entries,
    messages,
    receipts,
    leases,

    add: (id: string, record: EntryRecord, body: readonly Message[]) =>
      write(() => add(id, record, body)),

    /** In the order of their ids; those that processes are placing now included. */
    preparedIds: () => prepared.entries(),

    /** The ids of ready entries to that topic that are not set aside, in order. */
    readyIds: (topic: string) =>
      ready.entries({ start: [key, topic, ''], end: [key, topic, lastKey] }),

    /** The topics with ready entries, and the oldest entry to each. */
    *readyTopics(): Generator<{ topic: string; id: string }> {
      const end = [key, lastKey]
      for (let start = [key, '']; ; ) {
        const [first] = ready.entries({ start, end, limit: 1 })
        if (first === undefined) return
        const [, topic, id] = first.key
        yield { topic, id }
        start = [key, topic, lastKey]
      }
    },

    countReady: () => {
      const range = { start: [key, ''], end: [key, lastKey] }
      return ready.count(range) + setAside.count({ start: [key, 0], end: [key, lastKey] })
    },

    markReady: (id: string) => changePrepared(id, (record) => ({ ...record, state: 'ready' })),

    noteWhyPrepared: (id: string, lastFault: string) =>
      changePrepared(id, (record) => ({ ...record, lastFault })),

    dropPrepared: (id: string) =>
      write(() => void (entries.get(id)?.state === 'prepared' && remove(id))),

    /** Makes this process the owner of a prepared entry of `owner`; says whether it did. */
    adopt: (id: string, owner: ProcessIdentity) =>
      changePrepared(id, (record) =>
        isSameProcess(record.owner, owner) ? { ...record, owner: thisProcess } : undefined,
      ),

    /** When the first entry that is set aside is due; Infinity if none is. */
    firstDueAtMs: () => {
      const [first] = setAside.entries({ start: [key, 0], end: [key, lastKey], limit: 1 })
      return first?.key[1] ?? Number.POSITIVE_INFINITY
    },

    /** Makes ready what is set aside, the first due first, some hundred at once. Says whether any was left. */
    returnSetAside: (untilMs: number) =>
      write(() => {
        const range = { start: [key, 0], end: [key, untilMs], limit: maxMovedAtOnce }
        const due = [...setAside.entries(range)]
        for (const { key: place } of due) {
          const [, , id] = place
          const record = entries.get(id)
          if (record) put(id, { ...record, notBeforeMs: 0 }, record)
          else setAside.remove(place)
        }
        return due.length === maxMovedAtOnce
      }),

    /**
     * Removes what was published and keeps a receipt of each; after the lease was lost, too: left
     * out, it would be published twice.
     */
    recordPublished: (
      epoch: number,
      published: readonly { id: string; published: readonly Published[] }[],
    ) =>
      write(() => {
        leases.renewIfHeld(epoch)
        const atMs = Date.now()
        for (const { id, published: places } of published) {
          receipts.put(id, receiptOf(remove(id), places, atMs))
        }
        receipts.prune(published.length, atMs)
      }),

    recordFailure: (
      epoch: number,
      ids: readonly string[],
      lastFault: string,
      notBeforeMs: number,
    ) =>
      write(() => {
        leases.renewInside(epoch)
        for (const id of ids) {
          const record = entries.get(id)
          if (record === undefined) continue
          const attempts = record.attempts + 1
          put(id, { ...record, state: 'ready', attempts, lastFault, notBeforeMs }, record)
        }
      }),

    close() {
      closed = true
      return store.close()
    },
  }
}

function receiptOf(
  record: EntryRecord | undefined,
  published: readonly Published[],
  atMs: number,
): StoredReceipt {
  if (record === undefined) return { published, atMs }
  const { createdAtMs, attempts, topic, label, events } = record
  const pairs = events.map(({ id, subject }) => [id, subject] as const)
  return { published, atMs, createdAtMs, attempts, topic, label, events: pairs }
}
