import type { Message, Published } from './broker.js'
import type { EntryReceipt, ReadyEntry, RelayLease } from './outbox.js'
import type { EntryRecord, Records } from './outbox-records.js'

const maxBatchBytes = 256 * 1024
const maxBatchMessages = 128
/** So long after the first: those acknowledged meanwhile share its transaction and sync. */
const recordAfterMs = 10

/** What this process knows ahead of the store. */
export interface InProcess {
  /** Placed here while a relay of this process works: ready, though the store says prepared. */
  readonly placed: Map<string, EntryRecord>
  /** Acknowledged by the broker, and not yet recorded. */
  readonly acknowledged: Map<string, readonly Published[]>
  /** Whether a relay of this process takes what is placed. */
  relaying: boolean
  /** Wakes those who wait in this process. */
  notify(): void
}

/** The lease of that epoch. */
export function createLease(records: Records, epoch: number, here: InProcess): RelayLease {
  let recording: Promise<void> | undefined
  let recordFault: unknown
  let recordTimer: NodeJS.Timeout | undefined
  // Only the holder of the lease sets entries aside.
  let firstDueAtMs = records.firstDueAtMs()
  here.relaying = true

  /** Those to the topic that may go, in the order of their ids. */
  function* candidates(topic: string): Generator<[id: string, record: EntryRecord]> {
    const placed = [...here.placed].filter(([, record]) => record.topic === topic)
    placed.sort(([a], [b]) => (a < b ? -1 : 1))
    for (const { key } of records.readyIds(topic)) {
      const [, , id] = key
      for (let next = placed[0]; next && next[0] < id; next = placed[0]) {
        placed.shift()
        yield next
      }
      const record = records.entries.get(id)
      if (record) yield [id, record]
    }
    yield* placed
  }

  /** The topic of the oldest entry that may go. */
  const nextTopic = (blockedTopics: ReadonlySet<string>): string | undefined => {
    const first = [...records.readyTopics()]
    for (const [id, { topic }] of here.placed) first.push({ topic, id })
    const open = first.filter(({ topic }) => !blockedTopics.has(topic))
    return open.sort((a, b) => (a.id < b.id ? -1 : 1))[0]?.topic
  }

  const take = (topic: string): ReadyEntry[] => {
    const batch: ReadyEntry[] = []
    let bytes = 0
    let count = 0
    for (const [id, record] of candidates(topic)) {
      if (here.acknowledged.has(id)) continue
      bytes += record.bytes
      count += record.events.length
      if (batch.length > 0 && (bytes > maxBatchBytes || count > maxBatchMessages)) break
      const messages = records.messages.get(id)
      if (messages) batch.push(readyEntry(id, record, messages))
      else here.placed.delete(id)
    }
    return batch
  }

  const record = async () => {
    while (here.acknowledged.size > 0) {
      const receipts = Array.from(here.acknowledged, ([id, published]) => ({ id, published }))
      await records.recordPublished(epoch, receipts)
      for (const { id } of receipts) {
        here.placed.delete(id)
        here.acknowledged.delete(id)
      }
      records.bell.ring()
    }
  }

  const startRecording = () => {
    clearTimeout(recordTimer)
    recordTimer = undefined
    recording ??= record().then(
      () => {
        recording = undefined
      },
      (error: unknown) => {
        recordFault = error
      },
    )
  }

  return {
    ensure: () => records.leases.ensure(epoch),
    renew: () => records.leases.renew(epoch),

    next(blockedTopics) {
      if (recordFault !== undefined) throw recordFault
      const blocked = new Set(blockedTopics)
      for (;;) {
        const topic = nextTopic(blocked)
        if (topic === undefined) return []
        const batch = take(topic)
        if (batch.length > 0) return batch
        // Everything to it is acknowledged and not yet recorded.
        blocked.add(topic)
      }
    },

    async returnSetAside(which) {
      const untilMs = which === 'due' ? Date.now() : Number.MAX_SAFE_INTEGER
      if (firstDueAtMs > untilMs) return
      while (await records.returnSetAside(untilMs)) {}
      firstDueAtMs = records.firstDueAtMs()
    },

    acknowledge(receipts: readonly EntryReceipt[]) {
      for (const { id, published } of receipts) here.acknowledged.set(id, published)
      here.notify()
      recordTimer ??= setTimeout(startRecording, recordAfterMs)
    },

    async recorded() {
      startRecording()
      await recording
      if (recordFault !== undefined) throw recordFault
    },

    async failed(ids, fault, notBefore) {
      await records.recordFailure(epoch, ids, fault, notBefore?.getTime() ?? 0)
      for (const id of ids) here.placed.delete(id)
      if (notBefore) firstDueAtMs = records.firstDueAtMs()
    },

    async release() {
      startRecording()
      await recording
      here.relaying = false
      here.acknowledged.clear()
      // What cannot be marked stays with this process' next lease.
      await markPlaced(records, here).catch(() => {})
      await records.leases.release(epoch)
      records.bell.ring()
    },
  }
}

/** Marks in the store what this process knows to be placed. */
export async function markPlaced(records: Records, { placed }: InProcess): Promise<void> {
  await Promise.all(
    [...placed.keys()].map(async (id) => {
      await records.markReady(id)
      placed.delete(id)
    }),
  )
}

function readyEntry(id: string, record: EntryRecord, messages: readonly Message[]): ReadyEntry {
  const { topic, label, attempts } = record
  return { id, topic, label, attempts, messages }
}
