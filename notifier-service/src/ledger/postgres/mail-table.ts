import { createHash } from 'node:crypto'
import type { Sql, TransactionSql } from '@herald/runtime/postgres'
import type { EventRef, MailRecord } from '../mail-record.js'

// The table of mails, read and changed for many keys by one statement.

/** A holder knows the database's clock from its last renewal. */
const maxStaleClockMs = 10_000

export type AnySql = Sql | TransactionSql

export interface MailKey {
  readonly id: string
  readonly source: string
}

/** A mail as it is in the table. */
export interface MailRow extends MailKey {
  /** Of this version of the row. */
  readonly tag: string
  readonly record: MailRecord
  /** An attempt: its holder has its lease, or the reply may still come. */
  readonly held: boolean
}

/** A change of a row, refused unless the row is as it was read. */
export interface MailChange extends MailKey {
  /** The tag it was read with; null: there was no row. */
  readonly expected: string | null
  readonly tag: string
  readonly record: MailRecord
  /** Refused without this holder's lease, and held for so long: an attempt begins. */
  readonly attemptMs?: number
  /** The outcome is final and to be announced. */
  readonly outcomeOf?: EventRef
}

/** The rows by name, or of the digest of that event; undefined where there is none. */
export async function readMails(
  sql: AnySql,
  keys: readonly MailKey[],
): Promise<(MailRow | undefined)[]> {
  const rows = await sql`
    select t.n, m.id, m.source, m.tag, m.record, ${heldColumn(sql)}
    from json_to_recordset(${numbered(keys)}::text::json) as t(n int, id text, source text)
    cross join lateral (
      select * from mail where id = t.id and source = t.source
      union all
      select d.* from member r join mail d on d.id = r.digest_id and d.source = r.digest_source
      where r.id = t.id and r.source = t.source
      limit 1
    ) m`
  const found = new Map(rows.map((row) => [row['n'] as number, row as unknown as MailRow]))
  return keys.map((_, n) => found.get(n))
}

/** An attempt that began later than now shows that the clock was set back since: its time is not known. */
const heldColumn = (sql: AnySql) => sql`
  coalesce(m.attempt_until > clock_timestamp()
      and m.updated_at < extract(epoch from clock_timestamp()) * 1000 + ${maxStaleClockMs}::int, false)
    or exists (select from holder h where h.name = m.holder) as held`

/** Applies changes for that holder; resolves to whether each was made. */
export async function changeMails(
  sql: AnySql,
  changes: readonly MailChange[],
  holder: string,
): Promise<boolean[]> {
  const sorted = changes.toSorted((one, other) =>
    one.id === other.id ? compare(one.source, other.source) : compare(one.id, other.id),
  )
  const rows = sorted.map(({ id, source, expected, tag, record, attemptMs, outcomeOf }) => ({
    ...{ id, source, expected, tag, holder: record.holder, attempt: attemptMs },
    // As texts: a reply with a NUL is text within JSON, but cannot be read out of it.
    record: JSON.stringify(record),
    outcome: outcomeOf && JSON.stringify(outcomeOf),
    updated: record.updatedAt,
    lane: record.lane !== undefined,
    conversion: conversionOf(source, record),
  }))
  const made = await sql`
    with t as materialized (
      select * from json_to_recordset(${JSON.stringify(rows)}::text::json) as t(
        id text, source text, expected uuid, tag uuid, holder text, attempt int,
        record text, outcome text, updated bigint, lane boolean, conversion text)
      where attempt is null or exists (select from holder where name = ${holder})
    ), changed as (
      update mail m set tag = t.tag, record = t.record::json, holder = t.holder,
        attempt_until = clock_timestamp() + t.attempt * interval '1 ms',
        updated_at = t.updated, in_lane = t.lane
      from t where m.id = t.id and m.source = t.source and m.tag = t.expected
      returning m.tag
    ), added as (
      insert into mail (id, source, tag, record, holder, attempt_until, updated_at, aged_at, in_lane,
        conversion_id)
      select id, source, tag, record::json, holder,
        clock_timestamp() + attempt * interval '1 ms', updated, updated, lane, conversion
      from t where expected is null
      on conflict (id, source) do nothing
      returning tag
    ), made as (select tag from changed union all select tag from added
    ), announced as (
      insert into outcome as o (id, source, event, updated_at, holder)
      select id, source, outcome::json, updated, ${holder} from t join made using (tag)
      where outcome is not null
      on conflict (id, source) do update
        set event = excluded.event, updated_at = excluded.updated_at, holder = excluded.holder
    )
    select tag from made`
  const tags = new Set(made.map((row) => row['tag']))
  return changes.map(({ tag }) => tags.has(tag))
}

/** Mails by one of their events, each with the event. `where` selects among m, the events. */
export async function findMails(
  sql: AnySql,
  by: 'id' | 'conversion_id',
  value: string,
): Promise<(MailRow & { readonly event: EventRef })[]> {
  const rows = await sql`
    select m.id, m.source, m.tag, m.record, ${heldColumn(sql)}, m.id as "eventId", m.source as "eventSource"
    from mail m where m.${sql.unsafe(by)} = ${value} and m.source not like 'digest %'
    union all
    select m.id, m.source, m.tag, m.record, ${heldColumn(sql)}, r.id, r.source
    from member r join mail m on m.id = r.digest_id and m.source = r.digest_source
    where r.${sql.unsafe(by)} = ${value}
      and not exists (select from mail o where o.id = r.id and o.source = r.source)`
  return rows.map((row) => ({
    ...(row as unknown as MailRow),
    event: { id: row['eventId'], source: row['eventSource'] },
  }))
}

export const keyOf = ({ id, source }: EventRef): MailKey => ({
  id: bounded(id),
  source: bounded(source),
})

/** A digest is found by the conversions of its events. */
const conversionOf = (source: string, { conversionId }: MailRecord) =>
  conversionId && !source.startsWith('digest ') ? bounded(conversionId) : undefined

/** What an index takes; a text of PostgreSQL has no NUL. */
export function bounded(text: string): string {
  if (Buffer.byteLength(text) <= 512 && !/[\0\p{Surrogate}]/u.test(text)) return text
  return createHash('sha256').update(text).digest('hex')
}

const numbered = (keys: readonly MailKey[]) =>
  JSON.stringify(keys.map(({ id, source }, n) => ({ n, id, source })))

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0)
