import { isAlive, type ProcessIdentity, thisProcess } from '@herald/runtime'
import { openStore } from '@herald/runtime/store'
import type { Published } from './broker.js'
import type { Announcement } from './outbox.js'

/** An entry as it is stored; the table it lies in tells its state. */
export interface EntryRecord {
  readonly announcement: Announcement
  readonly createdAtMs: number
  readonly attempts: number
  readonly lastFault: string | null
  /** Who may place it; once that process is dead, whoever adopts it. */
  readonly owner: ProcessIdentity
  /** Set aside until then; 0 when it is not. */
  readonly notBeforeMs: number
}

/** What stays of an entry that was published. Absent: a receipt of before these were kept. */
export interface Receipt {
  readonly published: readonly Published[]
  readonly atMs: number
  readonly createdAtMs?: number
  readonly attempts?: number
  readonly topic?: string
  readonly label?: string
  /** `ce_id` and `ce_subject` of each message, in their order. */
  readonly events?: readonly (readonly [id: string, subject: string])[]
}

interface Lease {
  readonly holder: ProcessIdentity
  readonly token: string
}

const receiptsKeptMs = 7 * 24 * 3_600_000
const maxReceipts = 10_000
const maxPrunedAtOnce = 500
/** Counting the receipts walks them all, which takes a millisecond of the one thread there is. */
const countEvery = 100
const leaseKey = 'relay'

/** Thrown when a relay acts on a lease that is not its own any more. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'

  constructor() {
    super('another relay publishes from this outbox now')
  }
}

export type Records = ReturnType<typeof openRecords>

/** The tables of an outbox and what changes in them at once. Every change is one transaction. */
export function openRecords(directory: string) {
  const store = openStore(directory)
  // Apart, so that looking for what a dead process left does not read the whole backlog.
  const prepared = store.table<EntryRecord, string>('prepared')
  const ready = store.table<EntryRecord, string>('ready')
  const receipts = store.table<Receipt, string>('receipts')
  const leases = store.table<Lease, string>('leases')
  /** Leases given up here; should the store fail to note it, they count as free all the same. */
  const givenUp = new Set<string>()
  let sinceCounted = countEvery
  let closed = false

  const write = <T>(change: () => T): Promise<T> =>
    closed ? Promise.reject(new Error('the outbox is closed')) : store.write(change)

  const requireLease = (token: string) => {
    if (leases.get(leaseKey)?.token !== token) throw new LeaseLost()
  }

  const isHeld = (lease: Lease | undefined) =>
    lease !== undefined && !givenUp.has(lease.token) && isAlive(lease.holder)

  /** How many more than may stay; looked at with the first that this process publishes, and now and then. */
  const countExcess = (added: number) => {
    sinceCounted += added
    if (sinceCounted < countEvery) return 0
    sinceCounted = 0
    return receipts.count() - (maxReceipts - countEvery)
  }

  const pruneReceipts = (added: number, nowMs: number) => {
    let excess = countExcess(added)
    for (let pruned = 0; pruned < maxPrunedAtOnce; pruned += 1) {
      // Ids begin with their time: the oldest comes first. Read alone, since most often it stays,
      // and every publication looks.
      const [oldest] = receipts.entries({ limit: 1 })
      if (oldest === undefined) break
      if (excess <= 0 && oldest.value.atMs > nowMs - receiptsKeptMs) break
      receipts.remove(oldest.key)
      excess -= 1
    }
  }

  /** What is placed and handed to a relay of the same process is not in `ready`. */
  const take = (id: string) => {
    const record = ready.get(id) ?? prepared.get(id)
    if (record !== undefined && !ready.remove(id)) prepared.remove(id)
    return record
  }

  return {
    bell: store.bell,
    prepared,
    ready,
    receipts,

    add: (id: string, state: 'prepared' | 'ready', record: EntryRecord) =>
      write(() => (state === 'ready' ? ready : prepared).put(id, record)),

    /** Says whether there is such a ready entry then. */
    markReady: (id: string) =>
      write(() => {
        const record = prepared.get(id)
        if (record === undefined) return ready.get(id) !== undefined
        prepared.remove(id)
        ready.put(id, record)
        return true
      }),

    dropPrepared: (id: string) => write(() => prepared.remove(id)),

    /** Makes this process the owner of a prepared entry of a dead one; says whether it did. */
    adopt: (id: string) =>
      write(() => {
        const record = prepared.get(id)
        if (record === undefined || isAlive(record.owner)) return false
        prepared.put(id, { ...record, owner: thisProcess })
        return true
      }),

    /** Says whether the lease is this token's now. */
    async takeLease(token: string) {
      // Whoever waits looks at each ring: in vain, that costs no turn among the writers.
      if (!closed && isHeld(leases.get(leaseKey))) return false
      return write(() => {
        if (isHeld(leases.get(leaseKey))) return false
        leases.put(leaseKey, { holder: thisProcess, token })
        return true
      })
    },

    async releaseLease(token: string) {
      givenUp.add(token)
      await write(() => {
        if (leases.get(leaseKey)?.token === token) leases.remove(leaseKey)
      })
      givenUp.delete(token)
    },

    dropPublished: (
      token: string,
      entries: readonly { id: string; published: readonly Published[] }[],
    ) =>
      write(() => {
        requireLease(token)
        const atMs = Date.now()
        for (const { id, published } of entries) {
          const record = take(id)
          receipts.put(id, { published, atMs, ...(record ? remembered(record) : {}) })
        }
        pruneReceipts(entries.length, atMs)
      }),

    countFailure: (token: string, ids: readonly string[], lastFault: string, notBeforeMs: number) =>
      write(() => {
        requireLease(token)
        for (const id of ids) {
          const record = take(id)
          if (record === undefined) continue
          ready.put(id, { ...record, attempts: record.attempts + 1, lastFault, notBeforeMs })
        }
      }),

    close() {
      closed = true
      return store.close()
    },
  }
}

function remembered({ announcement, createdAtMs, attempts }: EntryRecord) {
  const { topic, label, messages } = announcement
  const events = messages.map(({ headers }) => [
    text(headers['ce_id']),
    text(headers['ce_subject']),
  ])
  return { createdAtMs, attempts, topic, label, events: events as [string, string][] }
}

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString()
