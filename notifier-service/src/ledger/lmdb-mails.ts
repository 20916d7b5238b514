import { createHash } from 'node:crypto'
import { isProcessRunning, parseProcessName } from '@herald/runtime'
import type { Store } from '@herald/runtime/store'
import { digestOf, isDigest } from './digest-record.js'
import type { NamedMail } from './ledger.js'
import { type EventRef, type MailIdentity, MailNotFree, type MailRecord } from './mail-record.js'
import { interrupted, isTaken, mergeRecord } from './mail-states.js'

/** The id first: a UUIDv7 grows with time, so the store grows at its end. */
export type MailKey = [id: string, source: string]

/** An event of a digest. */
interface Member {
  readonly digest: MailKey
  readonly conversionId: string | undefined
}

type AgeKey = [updatedAt: number, ...MailKey]
type ConversionKey = [conversionId: string, ...MailKey]

/** The records of mails, found by event, by conversion, and by any event of a digest. */
export interface LmdbMails {
  /**
   * Attempts of this holder that are under way, by `String(key)`. The record alone does not show it:
   * an unexpected error may have ended the attempt.
   */
  readonly ownAttempts: Map<string, MailRecord>
  /** The record of that name alone. */
  get(key: MailKey): MailRecord | undefined
  /** By its name, or by an event of a digest. */
  find(key: MailKey): MailRecord | undefined
  findById(eventId: string): MailRecord[]
  findByConversion(conversionId: string): NamedMail[]
  /** Drops records by age, some at a time; `onDeleted` is called inside the write. Resolves to how many. */
  prune(before: number, onDeleted: (key: MailKey) => void): Promise<number>

  // What follows is called inside a write.

  /** `before`: what `find` returned. */
  put(key: MailKey, record: MailRecord, before: MailRecord | undefined): void
  /** Changes a record, if there is one. */
  change(event: EventRef, changes: Partial<MailRecord>): void
  /** Marks the mail as waiting in a lane; returns false if it does already. Throws MailNotFree. */
  putInLane(event: EventRef, mail: MailIdentity, changes: Partial<MailRecord>): boolean
  /** Replaces the records of several events by one, in that order; returns its name. */
  createDigest(events: readonly [EventRef, ...EventRef[]]): EventRef
  /** Makes an event independent of its digest; returns whether it was in one. */
  detachFromDigest(key: MailKey): boolean
}

/** Records in one write of `prune`, so that neither the event loop nor other writers wait for long. */
const pruneBatch = 1000

export function createLmdbMails(store: Store, holder: string): LmdbMails {
  const records = store.table<MailRecord, MailKey>('mails')
  const members = store.table<Member, MailKey>('members')
  const conversions = store.table<unknown, ConversionKey>('conversions')
  /** By a time that is not later than the last change of the record. */
  const ages = store.table<true, AgeKey>('ages')
  const ownAttempts = new Map<string, MailRecord>()

  const isUnderWay = (record: MailRecord, name: string) =>
    record.holder === holder ? ownAttempts.has(name) : isHolderAlive(record.holder)

  function find(key: MailKey): MailRecord | undefined {
    const own = records.get(key)
    const name = own ? key : members.get(key)?.digest
    const record = own ?? (name && records.get(name))
    if (record?.state !== 'attempting' || isUnderWay(record, String(name))) return record
    return interrupted(record)
  }

  function put(key: MailKey, record: MailRecord, before: MailRecord | undefined): void {
    if (before === undefined) {
      ages.put([record.updatedAt, ...key], true)
      if (record.conversionId) conversions.put([bounded(record.conversionId), ...key], true)
    }
    records.put(key, record)
  }

  function removeConversion(key: MailKey, conversionId: string | undefined): void {
    if (conversionId) conversions.remove([bounded(conversionId), ...key])
  }

  /** Deletes the record and all that leads to it. */
  function deleteRecord(key: MailKey, record: MailRecord): void {
    records.remove(key)
    if (!isDigest(key[1])) removeConversion(key, record.conversionId)
    for (const member of (record.events ?? []).map(keyOf)) {
      const found = members.get(member)
      // An event that was replayed has a mail of its own since.
      if (found === undefined || String(found.digest) !== String(key)) continue
      members.remove(member)
      removeConversion(member, found.conversionId)
    }
  }

  /** Returns whether the record was deleted. */
  function pruneOne(before: number, age: AgeKey): MailKey | undefined {
    const [, ...key] = age
    ages.remove(age)
    const record = records.get(key)
    if (record === undefined) return undefined
    if (record.updatedAt < before && record.lane === undefined) {
      deleteRecord(key, record)
      return key
    }
    // Looked at again when its last change is old, or if it still waits in a lane.
    ages.put([Math.max(record.updatedAt, before), ...key], true)
    return undefined
  }

  return {
    ownAttempts,
    get: (key) => records.get(key),
    find,

    findById(eventId) {
      const [id] = keyOf({ id: eventId, source: '' })
      const range = { start: [id, ''], end: [id, '\uffff'] }
      const keys = [...records.entries(range), ...members.entries(range)].map(({ key }) => key)
      return keys.filter((key) => !isDigest(key[1])).flatMap((key) => find(key) ?? [])
    },

    findByConversion(conversionId) {
      const start = [bounded(conversionId), '']
      const end = [bounded(conversionId), '\uffff']
      return [...conversions.entries({ start, end })].flatMap(({ key: [, id, source] }) => {
        const record = find([id, source])
        return record ? [{ event: { id, source }, record }] : []
      })
    },

    async prune(before, onDeleted) {
      const oldest = () =>
        [...ages.entries({ end: [before], limit: pruneBatch })].map(({ key }) => key)
      let pruned = 0
      for (let batch = oldest(); batch.length > 0; batch = oldest()) {
        const due = batch
        pruned += await store.write(() => {
          const deleted = due.flatMap((age) => {
            const key = pruneOne(before, age)
            return key ? [key] : []
          })
          for (const key of deleted) onDeleted(key)
          return deleted.length
        })
        await new Promise((resolve) => setImmediate(resolve))
      }
      return pruned
    },

    put,

    change(event, changes) {
      const key = keyOf(event)
      const record = records.get(key)
      if (record) records.put(key, { ...record, ...changes })
    },

    putInLane(event, mail, changes) {
      const key = keyOf(event)
      const before = find(key)
      if (before?.lane !== undefined) return false
      if (before && isTaken(before)) throw new MailNotFree(before.state)
      put(key, { ...mergeRecord(mail, before, Date.now()), ...changes }, before)
      return true
    },

    createDigest(events) {
      const gathered = events.map((event) => {
        const record = records.get(keyOf(event))
        if (record === undefined) throw new Error(`the ledger has no record of event ${event.id}`)
        return { key: keyOf(event), record }
      })
      const { ref, record } = digestOf(
        events,
        gathered.map(({ record }) => record),
        Date.now(),
      )
      const key = keyOf(ref)
      ages.put([record.updatedAt, ...key], true)
      records.put(key, record)
      for (const { key: member, record: of } of gathered) {
        records.remove(member)
        members.put(member, { digest: key, conversionId: of.conversionId })
      }
      return ref
    },

    detachFromDigest(key) {
      const wasMember = members.remove(key)
      if (wasMember) ages.put([Date.now(), ...key], true)
      return wasMember
    },
  }
}

/** A holder in LMDB is a process: what it holds is free once the process has ended. */
export function isHolderAlive(holder: string | undefined): boolean {
  return holder !== undefined && isProcessRunning(parseProcessName(holder))
}

/** LMDB takes keys of at most 1,978 bytes; a foreign source may be longer. */
export function keyOf({ id, source }: EventRef): MailKey {
  return [bounded(id), bounded(source)]
}

function bounded(text: string): string {
  if (Buffer.byteLength(text) <= 512) return text
  return createHash('sha256').update(text).digest('hex')
}
