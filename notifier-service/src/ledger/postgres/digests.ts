import { randomUUID } from 'node:crypto'
import { digestOf } from '../digest-record.js'
import {
  addEvent,
  closeAt,
  type GatheredRun,
  gatheringState,
  isOver,
  movedTo,
  newRun,
  withoutEvents,
} from '../gathering.js'
import type { DigestRule, KeptEvent, RunEvent } from '../lanes.js'
import { type EventRef, MailNotFree, type MailRecord } from '../mail-record.js'
import { isTaken, mergeRecord } from '../mail-states.js'
import * as table from './lane-table.js'
import type { Lease } from './lease.js'
import { changeMails, keyOf, readMails } from './mail-table.js'
import type { PostgresMails } from './mails.js'
import { WriteConflict } from './write-conflict.js'

export type Digests = ReturnType<typeof createDigests>

interface DigestParts {
  readonly lease: Lease
  readonly mails: PostgresMails
  readonly rule: DigestRule
}

/** Digests that gather, and the records of what waits; all under the lock of their lane. */
export function createDigests({ lease, mails, rule }: DigestParts) {
  /** Marks the mail as waiting in a lane; resolves to false if it does already. Rejects with MailNotFree. */
  async function putInLane(
    sql: table.LaneSql,
    { event, mail }: Pick<KeptEvent, 'event' | 'mail'>,
    changes: Partial<MailRecord>,
  ): Promise<boolean> {
    let isNew = true
    await mails.changeIn(sql, event, (before) => {
      isNew = before?.lane === undefined
      if (!isNew) return undefined
      if (before && isTaken(before)) throw new MailNotFree(before.state)
      return { ...mergeRecord(mail, before, lease.now()), ...changes }
    })
    return isNew
  }

  const change = (sql: table.LaneSql, event: EventRef, changes: Partial<MailRecord>) =>
    mails.changeIn(sql, event, (record) => record && { ...record, ...changes })

  /** Makes a mail of gathered events, at the end of the lane. */
  async function appendDigest(sql: table.LaneSql, lane: string, group: number, now: number) {
    const [first, ...others] = await table.eventsOf(sql, group)
    if (first === undefined) return
    let ref = first
    if (others.length > 0) ref = await createDigest(sql, [first, ...others], now)
    else await change(sql, first, { state: 'deferred', reply: '', nextAttemptAt: undefined })
    await table.putLast(sql, lane, { ref, group, notBefore: now, setAt: now })
  }

  async function createDigest(
    sql: table.LaneSql,
    events: readonly [EventRef, ...EventRef[]],
    now: number,
  ): Promise<EventRef> {
    const keys = events.map(keyOf)
    const rows = await readMails(sql, keys)
    const records = rows.map((row, at) => {
      if (row === undefined) throw new Error(`the ledger has no record of event ${events[at]?.id}`)
      return row.record
    })
    const { ref, record } = digestOf(events, records, now)
    const digest = keyOf(ref)
    const made = { ...digest, expected: null, tag: randomUUID(), record }
    await changeMails(sql, [made], lease.name)
    const gathered = JSON.stringify(keys.map((key, at) => ({ ...key, tag: rows[at]?.tag })))
    const moved = await sql`
      with gone as (
        delete from mail m using json_to_recordset(${gathered}::text::json)
          as t(id text, source text, tag uuid)
        where m.id = t.id and m.source = t.source and m.tag = t.tag
        returning m.id, m.source, m.conversion_id)
      insert into member (id, source, digest_id, digest_source, conversion_id)
      select id, source, ${digest.id}, ${digest.source}, conversion_id from gone
      returning id`
    if (moved.length !== events.length) throw new WriteConflict('an event of a digest was changed')
    return ref
  }

  /** Keeps the run, or deletes it if it is over. */
  async function keepRun(
    sql: table.LaneSql,
    lane: string,
    { run, gathered, group }: { run: string; gathered: GatheredRun; group: number },
  ): Promise<void> {
    if (isOver(gathered)) {
      await sql`delete from entry where lane = ${lane} and run = ${run}`
      return
    }
    const times = { notBefore: closeAt(gathered, rule), setAt: gathered.lastAt }
    await table.putRun(sql, lane, { run, gathered, group, ...times })
  }

  /** Closes the digests of the lane that are due; resolves to whether its head is due. */
  async function closeDue(sql: table.LaneSql, lane: string, now: number): Promise<boolean> {
    for (const { run, gathered, group, notBefore } of await table.runsOf(sql, lane)) {
      if (run === null || gathered === null || notBefore > now) continue
      if (gathered.count > 0) {
        await appendDigest(sql, lane, group, now)
        const left = { gathered: withoutEvents(gathered), group: await table.nextNumber(sql) }
        await keepRun(sql, lane, { run, ...left })
      } else await sql`delete from entry where lane = ${lane} and run = ${run}`
    }
    const head = await table.headOf(sql, lane)
    return head !== undefined && head.notBefore <= now
  }

  return {
    putInLane,
    change,
    closeDue,

    /** As Lanes.gather. */
    async gather(
      sql: table.LaneSql,
      { lane, run, runSize, event, mail, delivery }: RunEvent,
    ): Promise<boolean> {
      const before = (await table.runsOf(sql, lane)).find((each) => each.run === run)
      const known = before?.gathered ?? newRun
      const now = lease.now()
      const size = Math.max(known.size, runSize)
      const waiting = gatheringState(lane, { size, now }, rule)
      if (!(await putInLane(sql, { event, mail }, waiting))) return false
      const bytes = delivery.value.byteLength
      const {
        closesBefore,
        index,
        closesAfter,
        run: gathered,
      } = addEvent(known, { size, bytes, now }, rule)
      let group = before?.group ?? (await table.nextNumber(sql))
      const close = async () => {
        await appendDigest(sql, lane, group, now)
        group = await table.nextNumber(sql)
      }
      if (closesBefore) await close()
      await table.putEvent(sql, [group, index], { event, delivery })
      if (closesAfter) await close()
      await keepRun(sql, lane, { run, gathered, group })
      return closesBefore || closesAfter
    },

    /** Moves digests whose last event came after `now`: the clock was set back. */
    async moveTo(sql: table.LaneSql, lane: string, now: number): Promise<void> {
      for (const { run, gathered, group } of await table.runsOf(sql, lane)) {
        if (run === null || gathered === null || gathered.lastAt <= now) continue
        await keepRun(sql, lane, { run, gathered: movedTo(now, gathered), group })
      }
    },
  }
}
