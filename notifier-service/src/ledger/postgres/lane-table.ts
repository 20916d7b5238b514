import type { TransactionSql } from '@herald/runtime/postgres'
import type { GatheredRun } from '../gathering.js'
import { type KeptDelivery, type KeptEvent, withoutAttempt } from '../lanes.js'
import type { EventRef } from '../mail-record.js'
import type { AnySql } from './mail-table.js'

// What waits in lanes: a mail with its position, or a digest that gathers. Changed under the lock of
// the lane's row.

export interface LaneEntry {
  readonly number: number
  readonly ref: EventRef | null
  readonly run: string | null
  readonly gathered: GatheredRun | null
  /** Its events are kept under this number. */
  readonly group: number
  readonly notBefore: number
  readonly setAt: number
}

export type LaneSql = TransactionSql

/** Locks the lane's row, which is made if it is absent. */
export async function lockLane(sql: LaneSql, lane: string): Promise<void> {
  await sql`insert into lane (lane) values (${lane}) on conflict (lane) do update set lane = excluded.lane`
}

/** Sets when the lane is due, or deletes its row if nothing waits. */
export async function updateDueAt(sql: LaneSql, lane: string): Promise<void> {
  await sql`
    update lane set due_at = least(
      (select not_before from entry where lane = ${lane} and run is null order by number limit 1),
      (select min(not_before) from entry where lane = ${lane} and run is not null))
    where lane = ${lane}`
  await sql`delete from lane where lane = ${lane} and due_at is null`
}

/** The first mail of the lane. */
export async function headOf(sql: AnySql, lane: string): Promise<LaneEntry | undefined> {
  const [row] = await sql`
    select * from entry where lane = ${lane} and run is null order by number limit 1`
  return row && entryOf(row)
}

/** Digests of the lane that gather, the one that is due first first. */
export async function runsOf(sql: AnySql, lane: string): Promise<LaneEntry[]> {
  const rows = await sql`
    select * from entry where lane = ${lane} and run is not null order by not_before, number`
  return rows.map(entryOf)
}

export function entryOf(row: Record<string, unknown>): LaneEntry {
  return {
    number: Number(row['number']),
    ref: row['ref'] as EventRef | null,
    run: row['run'] as string | null,
    gathered: row['gathered'] as GatheredRun | null,
    group: Number(row['events']),
    notBefore: Number(row['not_before']),
    setAt: Number(row['set_at']),
  }
}

/** Puts a mail at the end of its lane. */
export async function putLast(
  sql: LaneSql,
  lane: string,
  { ref, group, notBefore, setAt }: Omit<LaneEntry, 'number' | 'run' | 'gathered'>,
): Promise<void> {
  await sql`insert into entry (lane, ref, events, not_before, set_at)
    values (${lane}, ${JSON.stringify(ref)}::text::json, ${group}, ${notBefore}, ${setAt})`
}

/** Keeps a digest that gathers. */
export async function putRun(
  sql: LaneSql,
  lane: string,
  { run, gathered, group, notBefore, setAt }: Omit<LaneEntry, 'number' | 'ref'>,
): Promise<void> {
  await sql`insert into entry as e (lane, run, gathered, events, not_before, set_at)
    values (${lane}, ${run}, ${JSON.stringify(gathered)}::text::json, ${group}, ${notBefore}, ${setAt})
    on conflict (lane, run) where run is not null do update set gathered = excluded.gathered,
      events = excluded.events, not_before = excluded.not_before, set_at = excluded.set_at`
}

export async function nextNumber(sql: LaneSql): Promise<number> {
  const [row] = await sql`select nextval('number') as number`
  return Number(row?.['number'])
}

export async function putEvent(
  sql: LaneSql,
  [group, position]: readonly [number, number],
  { event, delivery }: Pick<KeptEvent, 'event' | 'delivery'>,
): Promise<void> {
  await sql`insert into event (events, position, ref, delivery) values (${group}, ${position},
    ${JSON.stringify(event)}::text::json, ${encodeDelivery(delivery)}::text::json)`
}

/** The events of a mail, in order. */
export async function eventsOf(sql: AnySql, group: number): Promise<EventRef[]> {
  const rows = await sql`select ref from event where events = ${group} order by position`
  return rows.map((row) => row['ref'])
}

export async function deliveriesOf(sql: AnySql, group: number): Promise<KeptDelivery[]> {
  const rows = await sql`select delivery from event where events = ${group} order by position`
  return rows.map((row) => decodeDelivery(row['delivery']))
}

function encodeDelivery(delivery: KeptDelivery): string {
  const encode = (part: unknown): unknown => {
    if (part instanceof Uint8Array) return { base64: Buffer.from(part).toString('base64') }
    if (Array.isArray(part)) return part.map(encode)
    if (part === null || typeof part !== 'object') return part
    return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, encode(value)]))
  }
  const publishedAt = delivery.publishedAt.getTime()
  return JSON.stringify(encode({ ...withoutAttempt(delivery), publishedAt }))
}

function decodeDelivery(kept: unknown): KeptDelivery {
  const decode = (part: unknown): unknown => {
    if (part === null || typeof part !== 'object') return part
    if ('base64' in part && typeof part.base64 === 'string') {
      return Buffer.from(part.base64, 'base64')
    }
    if (Array.isArray(part)) return part.map(decode)
    return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, decode(value)]))
  }
  const delivery = decode(kept) as Omit<KeptDelivery, 'publishedAt'> & { publishedAt: number }
  return { ...delivery, publishedAt: new Date(delivery.publishedAt) }
}
