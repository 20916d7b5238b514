import type { Postgres } from '@herald/runtime/postgres'
import { createBatcher } from '../batcher.js'
import type { DigestRule, Lanes } from '../lanes.js'
import { createDigests } from './digests.js'
import { createLaneClaims } from './lane-claims.js'
import * as table from './lane-table.js'
import type { Lease } from './lease.js'
import type { PostgresMails } from './mails.js'
import { repeatOnConflict } from './write-conflict.js'

export interface PostgresLanes extends Lanes {
  /** As Ledger.adjustToClock. */
  adjustToClock(): Promise<void>
}

export function createPostgresLanes(
  postgres: Postgres,
  { lease, mails, rule }: { lease: Lease; mails: PostgresMails; rule: DigestRule },
): PostgresLanes {
  const digests = createDigests({ lease, mails, rule })
  const claims = createLaneClaims(postgres, { lease, digests })

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
  const changeLane = <T>(lane: string, work: (sql: table.LaneSql) => Promise<T>): Promise<T> =>
    repeatOnConflict(() =>
      postgres.transaction(async (sql) => {
        await table.lockLane(sql, lane)
        const result = await work(sql)
        await table.updateDueAt(sql, lane)
        return result
      }),
    )

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

    claim: claims.claim,

    head: (lane) =>
      postgres.run(async (sql) => {
        const head = await table.headOf(sql, lane)
        if (!head?.ref) return undefined
        const deliveries = await table.deliveriesOf(sql, head.group)
        return { ref: head.ref, deliveries, position: head.number }
      }),

    async pop(lane, position) {
      const claim = claims.of(lane)
      const more = await changeLane(lane, async (sql) => {
        const isHeld = await sql`select from lane where lane = ${lane} and claim = ${claim}`
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
      if (!more) claims.end(lane, claim)
      return more
    },

    async release(lane, nextAttemptAt) {
      const claim = claims.of(lane)
      try {
        await changeLane(lane, async (sql) => {
          const freed = await sql`update lane set holder = null, claim = null
            where lane = ${lane} and claim = ${claim} returning lane`
          const head = freed.length > 0 ? await table.headOf(sql, lane) : undefined
          if (head === undefined) return
          await sql`update entry set not_before = ${Math.round(nextAttemptAt)}, set_at = ${lease.now()}
            where lane = ${lane} and number = ${head.number}`
        })
      } finally {
        // Without its write the lane is this holder's, and may be claimed again.
        claims.end(lane, claim)
      }
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
