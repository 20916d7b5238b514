import { randomBytes } from 'node:crypto'
import { openStore, type Store } from '@herald/runtime/store'
import { v7 as uuidv7 } from 'uuid'
import { type ConversionRecord, isOver, type MailOutcome, sumOfSizes } from './record.js'

interface Run {
  readonly runId: string
  readonly owner: string
  readonly createdAtMs: number
}

/** The records of the web page's conversions, on disk. To be closed by the caller. */
export interface Records {
  /** A name of this installation, for its consumer group. */
  readonly instance: string
  get(token: string): ConversionRecord | undefined
  ofEvent(eventId: string): ConversionRecord | undefined
  /** Of one browser, the latest first. */
  ofOwner(owner: string, limit?: number): ConversionRecord[]
  /** In the order they began. */
  ofRun(runToken: string): ConversionRecord[]
  /** Records may be changed during the iteration. */
  all(): Iterable<ConversionRecord>
  /** Those that ended before that time. */
  expired(beforeMs: number): Iterable<ConversionRecord>
  /** Those that were deleted before that time. */
  deleted(beforeMs: number): Iterable<ConversionRecord>
  preview(token: string): Uint8Array | undefined
  /** The files that one browser sent together; created if new. */
  run(runToken: string, owner: string): Promise<Run>
  put(record: ConversionRecord): Promise<void>
  /** Resolves to the changed record; undefined if it was removed. `preview`: the bytes of the small picture. */
  change(
    token: string,
    changes: Partial<ConversionRecord>,
    preview?: Uint8Array,
  ): Promise<ConversionRecord | undefined>
  remove(record: ConversionRecord): Promise<void>
  outcome(eventId: string): MailOutcome | undefined
  putOutcome(eventId: string, outcome: MailOutcome): Promise<void>
  /** Deletes outcomes and runs older than that, a limited number in each call. */
  deleteOlder(beforeMs: number): Promise<void>
  /** The size of all results. */
  readonly bytesOnDisk: number
  close(): Promise<void>
}

/** 128 random bits, fit for a URL. */
export const newToken = () => randomBytes(16).toString('base64url')

export const tokenPattern = /^[\w-]{22}$/

const maxDeletedAtOnce = 500

export async function openRecords(directory: string): Promise<Records> {
  const store: Store = openStore(directory)
  const conversions = store.table<ConversionRecord, string>('conversions')
  const byOwner = store.table<string>('by-owner')
  const byRun = store.table<string>('by-run')
  const byEnd = store.table<string>('by-end')
  const byDeletion = store.table<string>('by-deletion')
  const previews = store.table<Uint8Array, string>('previews', 'binary')
  const byEvent = store.table<string, string>('by-event')
  const runs = store.table<Run, string>('runs')
  const outcomes = store.table<MailOutcome, string>('outcomes')
  const settings = store.table<string, string>('settings')

  const instance = await store.write(() => {
    const known = settings.get('instance') ?? newToken()
    settings.put('instance', known)
    return known
  })
  let bytesOnDisk = 0
  for (const { value } of conversions.entries()) bytesOnDisk += sumOfSizes(value.files)

  const keep = (record: ConversionRecord) => {
    const before = conversions.get(record.token)
    bytesOnDisk += sumOfSizes(record.files) - sumOfSizes(before?.files ?? [])
    conversions.put(record.token, record)
    if (before && before.finishedAtMs > 0) byEnd.remove([before.finishedAtMs, record.token])
    if (before?.deletedAtMs) byDeletion.remove([before.deletedAtMs, record.token])
    if (record.deletedAtMs) byDeletion.put([record.deletedAtMs, record.token], record.token)
    if (record.finishedAtMs > 0) byEnd.put([record.finishedAtMs, record.token], record.token)
    if (record.announcement) byEvent.put(record.announcement.eventId, record.token)
  }
  const under = (table: typeof byOwner, key: string, reverse: boolean) =>
    table.entries(
      reverse
        ? { start: [key, Number.MAX_SAFE_INTEGER], end: [key], reverse }
        : { start: [key], end: [key, Number.MAX_SAFE_INTEGER] },
    )
  const found = (tokens: Iterable<{ value: string }>, limit = 1000) => {
    const records: ConversionRecord[] = []
    for (const { value } of tokens) {
      const record = conversions.get(value)
      if (record) records.push(record)
      if (records.length >= limit) break
    }
    return records
  }

  return {
    instance,
    get: (token) => conversions.get(token),
    ofEvent(eventId) {
      const token = byEvent.get(eventId)
      return token === undefined ? undefined : conversions.get(token)
    },
    ofOwner: (owner, limit) => found(under(byOwner, owner, true), limit),
    ofRun: (runToken) => found(under(byRun, runToken, false)),
    *all() {
      for (const { value } of conversions.entries()) yield value
    },
    *expired(beforeMs) {
      for (const { value } of byEnd.entries({ end: [beforeMs] })) {
        const record = conversions.get(value)
        if (record && isOver(record)) yield record
      }
    },
    deleted: (beforeMs) => found(byDeletion.entries({ end: [beforeMs] })),
    preview: (token) => previews.get(token),
    run: (runToken, owner) =>
      store.write(() => {
        const run = runs.get(runToken) ?? { runId: uuidv7(), owner, createdAtMs: Date.now() }
        runs.put(runToken, run)
        return run
      }),
    put: (record) =>
      store.write(() => {
        keep(record)
        byOwner.put([record.owner, record.createdAtMs, record.token], record.token)
        byRun.put([record.runToken, record.createdAtMs, record.token], record.token)
      }),
    change: (token, changes, preview) =>
      store.write(() => {
        const record = conversions.get(token)
        if (!record) return undefined
        const changed = { ...record, ...changes, updatedAtMs: Date.now() }
        keep(changed)
        if (preview) previews.put(token, preview)
        return changed
      }),
    remove: ({ token }) =>
      store.write(() => {
        const record = conversions.get(token)
        if (!record) return
        bytesOnDisk -= sumOfSizes(record.files)
        conversions.remove(token)
        previews.remove(token)
        byEnd.remove([record.finishedAtMs, token])
        if (record.deletedAtMs) byDeletion.remove([record.deletedAtMs, token])
        byOwner.remove([record.owner, record.createdAtMs, token])
        byRun.remove([record.runToken, record.createdAtMs, token])
        if (record.announcement) byEvent.remove(record.announcement.eventId)
      }),
    outcome: (eventId) => outcomes.get(eventId),
    putOutcome: (eventId, outcome) => store.write(() => outcomes.put(eventId, outcome)),
    deleteOlder: (beforeMs) =>
      store.write(() => {
        let left = maxDeletedAtOnce
        for (const { key, value } of outcomes.entries()) {
          if (value.atMs < beforeMs && left-- > 0) outcomes.remove(key)
        }
        for (const { key, value } of runs.entries()) {
          if (value.createdAtMs < beforeMs && left-- > 0) runs.remove(key)
        }
      }),
    get bytesOnDisk() {
      return bytesOnDisk
    },
    close: () => store.close(),
  }
}
