import type { Store } from '@herald/runtime/store'
import { type ConversionRecord, sumOfSizes } from './record.js'

/** The records of an LMDB store, found by owner, run, event and time. `put` and `remove`: inside a write. */
export function indexRecords(store: Store) {
  const conversions = store.table<ConversionRecord, string>('conversions')
  const byOwner = store.table<string>('by-owner')
  const byRun = store.table<string>('by-run')
  const byEnd = store.table<string>('by-end')
  const byDeletion = store.table<string>('by-deletion')
  const byEvent = store.table<string, string>('by-event')
  const byExpected = store.table<string>('by-expected')
  /** In the store, so that a write that fails does not change them. */
  const totals = store.table<number, 'bytes'>('totals')
  const bytesStored = () => totals.get('bytes') ?? 0
  const addBytes = (bytes: number) => totals.put('bytes', bytesStored() + bytes)

  const found = (
    tokens: Iterable<{ value: string }>,
    limit: number,
    isWanted: (record: ConversionRecord) => boolean = () => true,
  ) => {
    const records: ConversionRecord[] = []
    for (const { value } of tokens) {
      const record = conversions.get(value)
      if (record && isWanted(record)) records.push(record)
      if (records.length >= limit) break
    }
    return records
  }
  const under = (key: string) => ({ start: [key], end: [key, Number.MAX_SAFE_INTEGER] })
  const removeKeys = (record: ConversionRecord) => {
    const { token, finishedAtMs, deletedAtMs, owner, key, isExpected } = record
    if (finishedAtMs > 0) byEnd.remove([finishedAtMs, token])
    if (deletedAtMs) byDeletion.remove([deletedAtMs, token])
    if (isExpected) byExpected.remove([owner, key, token])
    addBytes(-sumOfSizes(record.files))
  }

  return {
    get: (token: string) => conversions.get(token),
    put(record: ConversionRecord): void {
      const { token, finishedAtMs, deletedAtMs, owner, key, runToken, createdAtMs } = record
      const before = conversions.get(token)
      if (before) removeKeys(before)
      else {
        byOwner.put([owner, createdAtMs, token], token)
        byRun.put([runToken, createdAtMs, token], token)
      }
      conversions.put(token, record)
      addBytes(sumOfSizes(record.files))
      if (finishedAtMs > 0) byEnd.put([finishedAtMs, token], token)
      if (deletedAtMs) byDeletion.put([deletedAtMs, token], token)
      if (record.isExpected) byExpected.put([owner, key, token], token)
      if (record.announcement) byEvent.put(record.announcement.eventId, token)
    },
    remove(token: string): void {
      const record = conversions.get(token)
      if (!record) return
      removeKeys(record)
      conversions.remove(token)
      byOwner.remove([record.owner, record.createdAtMs, token])
      byRun.remove([record.runToken, record.createdAtMs, token])
      if (record.announcement) byEvent.remove(record.announcement.eventId)
    },
    tokenOf: (eventId: string) => byEvent.get(eventId),
    /** The latest first. */
    ofOwner: (owner: string, limit: number) => {
      const { start, end } = under(owner)
      return found(byOwner.entries({ start: end, end: start, reverse: true }), limit)
    },
    /** In the order they began. */
    ofRun: (runToken: string) => found(byRun.entries(under(runToken)), 1000),
    /** Those that ended before that time, the oldest first. */
    ended: (beforeMs: number, limit: number) => found(byEnd.entries({ end: [beforeMs] }), limit),
    deleted: (beforeMs: number, limit: number) =>
      found(byDeletion.entries({ end: [beforeMs] }), limit),
    expected: (owner: string, key: string) => {
      const [record] = found(byExpected.entries({ start: [owner, key] }), 1)
      return record?.owner === owner && record.key === key ? record : undefined
    },
    allExpected: (limit: number) => found(byExpected.entries(), limit),
    /** Walks all records. */
    all: (isWanted: (record: ConversionRecord) => boolean, limit: number) => {
      const tokens = (function* () {
        for (const { key } of conversions.entries()) yield { value: key }
      })()
      return found(tokens, limit, isWanted)
    },
    /** The size of all results. */
    bytesStored,
    /** Sums all sizes. Inside a write. */
    sumBytes() {
      let bytes = 0
      for (const { value } of conversions.entries()) bytes += sumOfSizes(value.files)
      totals.put('bytes', bytes)
    },
  }
}
