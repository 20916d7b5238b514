import { createHash, randomUUID } from 'node:crypto'
import { isAlive, isSameProcess, type ProcessIdentity } from '@herald/runtime'
import type { Store, Table } from '@herald/runtime/store'
import { mostFrequent } from '../most-frequent.js'
import {
  type EventRef,
  type MailIdentity,
  MailNotFree,
  type MailRecord,
  type NamedMail,
} from './ledger.js'
import { recordsIn } from './mail-row.js'
import { cutShort, fresh, isTaken } from './mail-states.js'
import type { Ages } from './pruning.js'

/** The id first: a UUIDv7 grows with time, so the store grows at its end. */
export type MailKey = [id: string, source: string]

/** An event that a digest tells of. */
interface Member {
  readonly digest: MailKey
  readonly conversionId: string | undefined
}

/** The records of mails as rows, found by event, by conversion, and by any event of a digest. What changes them runs inside a write. */
export interface MailRows {
  /** By name, and nothing else. */
  readonly table: Table<MailRecord, MailKey>
  /** Attempts of this process that are still under way, by `String(key)`: its own identity cannot tell it. */
  readonly underWay: Map<string, MailRecord>
  /** By its name, or by an event of a digest. */
  find(key: MailKey): MailRecord | undefined
  findById(eventId: string): MailRecord[]
  findByConversion(conversionId: string): NamedMail[]
  /** `before`: what `find` tells of the mail. */
  put(key: MailKey, record: MailRecord, before: MailRecord | undefined): void
  /** Changes a record that is there. */
  change(event: EventRef, changes: Partial<MailRecord>): void
  /** Lets the mail wait in the ledger, as `state` says why; says whether it did already. Throws MailNotFree. */
  wait(event: EventRef, mail: MailIdentity, state: Partial<MailRecord>): boolean
  /** Makes one record of those of several events, in that order; returns its name. */
  join(events: readonly EventRef[]): EventRef | undefined
  /** Takes an event out of its digest, to have a record of its own; says whether it was in one. */
  part(key: MailKey): boolean
  /** Drops the record and all that leads to it. */
  forget(key: MailKey, record: MailRecord): void
}

/** No event's source: that is a URI reference, which holds no space. */
const digestSource = () => `digest ${randomUUID()}`
const isDigest = ([, source]: MailKey) => source.startsWith('digest ')

export function createMailRows(store: Store, self: ProcessIdentity, ages: Ages): MailRows {
  const table = recordsIn(store.table('mails'))
  const members = store.table<Member, MailKey>('members')
  type ConversionKey = [conversion: string, id: string, source: string]
  // Earlier versions have the key once more as the value.
  const conversions = store.table<unknown, ConversionKey>('conversions')
  const underWay = new Map<string, MailRecord>()

  const isHeld = (record: MailRecord, key: string) =>
    record.holder !== undefined &&
    (isSameProcess(record.holder, self) ? underWay.has(key) : isAlive(record.holder))

  function find(key: MailKey): MailRecord | undefined {
    const own = table.get(key)
    const named = own ? key : members.get(key)?.digest
    const record = own ?? (named && table.get(named))
    if (record?.state !== 'attempting' || isHeld(record, String(named))) return record
    return cutShort(record)
  }

  function put(key: MailKey, record: MailRecord, before: MailRecord | undefined): void {
    if (record.conversionId && !isDigest(key) && before === undefined) {
      conversions.put([bounded(record.conversionId), ...key], true)
    }
    if (before === undefined) ages.add(record.updatedAt, key)
    table.put(key, record)
  }

  function forgetConversion(key: MailKey, conversionId: string | undefined): void {
    if (conversionId) conversions.remove([bounded(conversionId), ...key])
  }

  return {
    table,
    underWay,
    find,

    findById(eventId) {
      const [id] = keyOf({ id: eventId, source: '' })
      const range = { start: [id, ''], end: [id, '\uffff'] }
      const keys = [...table.entries(range), ...members.entries(range)].map(({ key }) => key)
      return keys.filter((key) => !isDigest(key)).flatMap((key) => find(key) ?? [])
    },

    findByConversion(conversionId) {
      const start = [bounded(conversionId), '']
      const end = [bounded(conversionId), '\uffff']
      return [...conversions.entries({ start, end })].flatMap(({ key: [, id, source] }) => {
        const record = find([id, source])
        return record ? [{ event: { id, source }, record }] : []
      })
    },

    put,

    change(event, changes) {
      const key = keyOf(event)
      const record = table.get(key)
      if (record) table.put(key, { ...record, ...changes })
    },

    wait(event, mail, state) {
      const key = keyOf(event)
      const before = find(key)
      if (before?.lane !== undefined) return true
      if (before && isTaken(before)) throw new MailNotFree(before.state)
      put(key, { ...fresh(mail, before), ...state }, before)
      return false
    },

    join(events) {
      const records = events.map((event) => table.get(keyOf(event)))
      const [[first], [head]] = [events, records]
      if (first === undefined || head === undefined) return undefined
      const ref = { id: first.id, source: digestSource() }
      const digest = keyOf(ref)
      const template = mostFrequent(records.map((record) => record?.template ?? head.template))
      const identity = {
        ...head,
        ...(template ? { template } : {}),
        messageId: digestMessageId(records.flatMap((record) => record?.messageId ?? [])),
        eventIds: events.map(({ id }) => id),
        events,
      }
      const possiblyDelivered = records.some((record) => record?.possiblyDelivered) || undefined
      const record = { ...fresh(identity, undefined), lane: head.lane, possiblyDelivered }
      ages.add(record.updatedAt, digest)
      table.put(digest, record)
      for (const [at, event] of events.entries()) {
        table.remove(keyOf(event))
        members.put(keyOf(event), { digest, conversionId: records[at]?.conversionId })
      }
      return ref
    },

    part(key) {
      const wasMember = members.remove(key)
      if (wasMember) ages.add(Date.now(), key)
      return wasMember
    },

    forget(key, record) {
      table.remove(key)
      if (!isDigest(key)) forgetConversion(key, record.conversionId)
      for (const member of (record.events ?? []).map(keyOf)) {
        const row = members.get(member)
        // One that was replayed alone has a mail of its own since.
        if (row === undefined || String(row.digest) !== String(key)) continue
        members.remove(member)
        forgetConversion(member, row.conversionId)
      }
    },
  }
}

/**
 * The Message-ID of a digest, made from those that its events have as mails of their own. Receivers
 * drop a mail whose Message-ID they know: another set of events is another mail, and so is each of
 * its events alone.
 */
function digestMessageId(ofEvents: readonly string[]): string {
  const [, domain = 'localhost'] = /@([^@>]+)>$/.exec(ofEvents[0] ?? '') ?? []
  const hash = createHash('sha256')
    .update([...ofEvents].sort().join('\n'))
    .digest('hex')
  return `<${hash.slice(0, 40)}@${domain}>`
}

/** LMDB takes keys of at most 1,978 bytes; a foreign source may be longer. */
export function keyOf({ id, source }: EventRef): MailKey {
  return [bounded(id), bounded(source)]
}

function bounded(text: string): string {
  if (Buffer.byteLength(text) <= 512) return text
  return createHash('sha256').update(text).digest('hex')
}
