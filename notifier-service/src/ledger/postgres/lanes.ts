import { randomUUID } from 'node:crypto'
import type { Postgres } from '@herald/runtime/postgres'
import { createBatcher } from '../batcher.js'
import type { DigestRule, Lanes } from '../lanes.js'
import { createDigests } from './digests.js'
import * as table from './lane-table.js'
import type { Lease } from './lease.js'
import type { AnySql } from './mail-table.js'
import { type PostgresMails, WriteConflict } from './mails.js'

export interface PostgresLanes extends Lanes {
  /** As Ledger.adjustToClock. */
  adjustToClock(): Promise<void>
}

const maxConflicts = 8

export function createPostgresLanes(
  postgres: Postgres,
  { lease, mails, rule }: { lease: Lease; mails: PostgresMails; rule: DigestRule },
): PostgresLanes {
  /** Lanes that are worked on here, by claim. */
  const held = new Map<string, string>()
  let claiming: Promise<unknown> = Promise.resolve()
  const digests = createDigests({ lease, mails, rule })

  const hasMails = createBatcher((lanes: readonly string[]) =>
    postgres.run(async (sql) => {
      const rows = await sql`
        select distinct e.lane from json_array_elements_text(${JSON.stringify(lanes)}::text::json) as t(lane)
        join entry e on e.lane = t.lane and e.run is null`
      const found = new Set(rows.map((row) => row['lane']))
      return lanes.map((lane) => found.has(lane))
    }),
  )

  /** A change of one lane, repeated if a mail of it was changed meanwhile. */
  async function changeLane<T>(lane: string, work: (sql: table.LaneSql) => Promise<T>): Promise<T> {
    for (let conflicts = 0; ; conflicts += 1) {
      try {
        return await postgres.transaction(async (sql) => {
          await table.lockLane(sql, lane)
          const result = await work(sql)
          await table.updateDueAt(sql, lane)
          return result
        })
      } catch (error) {
        if (!(error instanceof WriteConflict) || conflicts >= maxConflicts) throw error
      }
    }
  }

  /** Includes lanes of this holder that are not in `held`: the reply to their claim was lost. */
  function dueLanes(sql: AnySql, now: number) {
    return sql`
      due_at <= ${now}
      and lane not in (
        select json_array_elements_text(${JSON.stringify([...held.keys()])}::text::json))
      and (holder is null or holder = ${lease.name}
        or not exists (select from holder h where h.name = lane.holder))
      order by due_at, lane limit 1`
  }

  async function claimOne(): Promise<string | undefined> {
    // Without a lock first: most of the time nothing is due.
    const now = lease.now()
    const [due] = await postgres.run(
      (sql) => sql`select lane from lane where ${dueLanes(sql, now)}`,
    )
    if (due === undefined) return undefined
    const claim = randomUUID()
    for (let conflicts = 0; ; conflicts += 1) {
      try {
        const claimed = await postgres.transaction((sql) => claimIn(sql, claim, now))
        if (claimed === undefined) return undefined
        if (claimed.isHeld) {
          held.set(claimed.lane, claim)
          return claimed.lane
        }
      } catch (error) {
        if (!(error instanceof WriteConflict) || conflicts >= maxConflicts) throw error
      }
    }
  }

  /** Takes the first lane that is due and free; not held if only a digest was, which was closed. */
  async function claimIn(sql: table.LaneSql, claim: string, now: number) {
    const [row] = await sql`
      select lane from lane where ${dueLanes(sql, now)} for update skip locked`
    if (row === undefined) return undefined
    const lane: string = row['lane']
    const isDue = await digests.closeDue(sql, lane, now)
    await table.updateDueAt(sql, lane)
    if (!isDue) return { lane, isHeld: false }
    const [taken] = await sql`update lane set holder = ${lease.name}, claim = ${claim}
      where lane = ${lane} and exists (select from holder where name = ${lease.name})
      returning lane`
    // The lease has run out: the lane is claimed in the next epoch.
    return taken && { lane, isHeld: true }
  }

  return {
    has: hasMails,

    append: (lane, kept, { nextAttemptAt, behindOnly }) =>
      changeLane(lane, async (sql) => {
        const head = await table.headOf(sql, lane)
        if (behindOnly && !head) return false
        const now = lease.now()
        const notBefore = head?.notBefore ?? Math.round(nextAttemptAt)
        const changes = { lane, nextAttemptAt: notBefore, deferredSince: now }
        if (!(await digests.putInLane(sql, kept, changes))) return true
        const group = await table.nextNumber(sql)
        await table.putEvent(sql, [group, 0], kept)
        await table.putLast(sql, lane, { ref: kept.event, group, notBefore, setAt: now })
        return true
      }),

    gather: (event) => changeLane(event.lane, (sql) => digests.gather(sql, event)),

    claim() {
      // One after the other: what is not in `held` while a claim is under way may be that claim's.
      const next = claiming.then(claimOne, claimOne)
      claiming = next.catch(() => {})
      return next
    },

    head: (lane) =>
      postgres.run(async (sql) => {
        const head = await table.headOf(sql, lane)
        if (!head?.ref) return undefined
        const deliveries = await table.deliveriesOf(sql, head.group)
        return { ref: head.ref, deliveries, position: head.number }
      }),

    async pop(lane, position) {
      const claim = held.get(lane)
      const more = await changeLane(lane, async (sql) => {
        const isHeld = await sql`select from lane where lane = ${lane} and claim = ${claim ?? null}`
        // Another holder has it: that one pops what is settled.
        if (isHeld.length === 0) return false
        const [row] = await sql`
          delete from entry where lane = ${lane} and number = ${position} and run is null returning *`
        const entry = row && table.entryOf(row)
        if (entry) await sql`delete from event where events = ${entry.group}`
        if (entry?.ref) await digests.change(sql, entry.ref, { lane: undefined })
        if (await table.headOf(sql, lane)) return true
        await sql`update lane set holder = null, claim = null where lane = ${lane}`
        return false
      })
      if (!more && held.get(lane) === claim) held.delete(lane)
      return more
    },

    async release(lane, nextAttemptAt) {
      const claim = held.get(lane)
      await changeLane(lane, async (sql) => {
        const freed = await sql`update lane set holder = null, claim = null
          where lane = ${lane} and claim = ${claim ?? null} returning lane`
        const head = freed.length > 0 ? await table.headOf(sql, lane) : undefined
        if (head === undefined) return
        await sql`update entry set not_before = ${Math.round(nextAttemptAt)}, set_at = ${lease.now()}
          where lane = ${lane} and number = ${head.number}`
      })
      if (held.get(lane) === claim) held.delete(lane)
    },

    async adjustToClock() {
      const ahead = await postgres.run(
        (sql) => sql`select distinct lane from entry where set_at > ${lease.now()}`,
      )
      for (const row of ahead) {
        const lane: string = row['lane']
        await changeLane(lane, async (sql) => {
          const now = lease.now()
          await digests.moveTo(sql, lane, now)
          await sql`update entry set not_before = not_before - (set_at - ${now}), set_at = ${now}
            where lane = ${lane} and run is null and set_at > ${now}`
        })
      }
    },

    async nextDueAt() {
      const [row] = await postgres.run((sql) => sql`select min(due_at) as due from lane`)
      return row?.['due'] == null ? undefined : Number(row['due'])
    },

    async count() {
      const [row] = await postgres.run(
        (sql) => sql`
        select (select count(*) from event)::int as events,
          coalesce(sum((gathered->>'count')::int), 0)::int as gathering
        from entry where run is not null`,
      )
      const { events, gathering } = row as { events: number; gathering: number }
      return { deferred: events - gathering, gathering }
    },
  }
}
