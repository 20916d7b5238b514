import type { ProcessIdentity } from '@herald/runtime'
import type { Table } from '@herald/runtime/store'
import type { AttemptNote, MailRecord, MailState } from './ledger.js'
import type { MailKey } from './mail-rows.js'

/**
 * A record as it is stored: by position, since the names would be written, read and parsed again
 * with every row and made up half of it. What few mails have stands by name at the end.
 */
type MailRow = readonly [
  state: MailState,
  attempts: number,
  reply: string,
  firstAttemptAt: number,
  updatedAt: number,
  nextAttemptAt: number | null,
  deadLetteredAt: number | null,
  holder: readonly [pid: number, startedAt: string, scope?: string] | null,
  mail: readonly [recipient: string, from: string, messageId: string, template: string],
  eventIds: readonly string[],
  conversion: readonly [conversionId: string | null, runId: string | null],
  origin: readonly [topic: string, partition: number, offset: string] | null,
  history: readonly NoteRow[] | null,
  rest: Rest | null,
]

type NoteRow = readonly [
  at: number,
  state: AttemptNote['state'],
  /** True: the reply of the record, which its last note mostly repeats. */
  reply: string | true,
  counted: boolean,
]

type Rest = Partial<
  Pick<
    MailRecord,
    | 'events'
    | 'parkedSince'
    | 'deferredSince'
    | 'lane'
    | 'unconfirmed'
    | 'possiblyDelivered'
    | 'withoutPreview'
    | 'replay'
  >
>

/** The table of records, stored as rows; rows of earlier versions are records as they are. */
export function recordsIn(rows: Table<MailRow | MailRecord, MailKey>): Table<MailRecord, MailKey> {
  return {
    get(key) {
      const row = rows.get(key)
      return row && toRecord(row)
    },
    *entries(range) {
      for (const { key, value } of rows.entries(range)) yield { key, value: toRecord(value) }
    },
    count: (range) => rows.count(range),
    put: (key, record) => rows.put(key, toRow(record)),
    remove: (key) => rows.remove(key),
  }
}

function toRow(record: MailRecord): MailRow {
  const { holder, origin, reply } = record
  return [
    record.state,
    record.attempts,
    reply,
    record.firstAttemptAt,
    record.updatedAt,
    record.nextAttemptAt ?? null,
    record.deadLetteredAt ?? null,
    holder ? holderRow(holder) : null,
    [record.recipient, record.from, record.messageId, record.template],
    record.eventIds,
    [record.conversionId ?? null, record.runId ?? null],
    origin ? [origin.topic, origin.partition, origin.offset] : null,
    record.history?.map((note) => [
      note.at,
      note.state,
      note.reply === reply ? true : note.reply,
      note.counted,
    ]) ?? null,
    restOf(record),
  ]
}

function restOf(record: MailRecord): Rest | null {
  const { events, parkedSince, deferredSince, lane, withoutPreview, replay } = record
  const { unconfirmed, possiblyDelivered } = record
  const any = events ?? parkedSince ?? deferredSince ?? lane ?? withoutPreview ?? replay
  if ((any ?? possiblyDelivered) === undefined) return null
  const rest = { events, parkedSince, deferredSince, lane, withoutPreview, replay }
  const all = { ...rest, unconfirmed, possiblyDelivered }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

function toRecord(row: MailRow | MailRecord): MailRecord {
  if (!isRow(row)) return row
  const [state, attempts, reply, firstAttemptAt, updatedAt, nextAttemptAt, deadLetteredAt] = row
  const [, , , , , , , holder, mail, eventIds, conversion, origin, history, rest] = row
  const [recipient, from, messageId, template] = mail
  const [conversionId, runId] = conversion
  return {
    eventIds,
    recipient,
    from,
    messageId,
    template,
    conversionId: conversionId ?? undefined,
    runId: runId ?? undefined,
    origin: origin ? { topic: origin[0], partition: origin[1], offset: origin[2] } : undefined,
    state,
    attempts,
    holder: holder ? holderOf(holder) : undefined,
    reply,
    firstAttemptAt,
    updatedAt,
    nextAttemptAt: nextAttemptAt ?? undefined,
    deadLetteredAt: deadLetteredAt ?? undefined,
    ...(history
      ? {
          history: history.map(([at, noted, said, counted]) => ({
            at,
            state: noted,
            reply: said === true ? reply : said,
            counted,
          })),
        }
      : {}),
    ...rest,
  }
}

type HolderRow = NonNullable<MailRow[7]>

const holderRow = ({ pid, startedAt, scope }: ProcessIdentity): HolderRow =>
  scope === undefined ? [pid, startedAt] : [pid, startedAt, scope]

const holderOf = ([pid, startedAt, scope]: HolderRow): ProcessIdentity =>
  scope === undefined ? { pid, startedAt } : { pid, startedAt, scope }

const isRow = (row: MailRow | MailRecord): row is MailRow => Array.isArray(row)
