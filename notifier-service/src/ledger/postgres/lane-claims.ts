import { randomUUID } from 'node:crypto'
import type { Postgres } from '@herald/runtime/postgres'
import type { Digests } from './digests.js'
import { type LaneSql, updateDueAt } from './lane-table.js'
import type { Lease } from './lease.js'
import type { AnySql } from './mail-table.js'
import { repeatOnConflict } from './write-conflict.js'

/** The lanes that are worked on here, each under a claim of its own, which its row names. */
export interface LaneClaims {
  /** As Lanes.claim. */
  claim(): Promise<string | undefined>
  /** The claim of a lane that is worked on here; null if it is not. */
  of(lane: string): string | null
  /** The lane is given up, unless it was claimed again meanwhile. */
  end(lane: string, claim: string | null): void
}

export function createLaneClaims(
  postgres: Postgres,
  { lease, digests }: { lease: Lease; digests: Digests },
): LaneClaims {
  const claims = new Map<string, string>()
  let claiming: Promise<unknown> = Promise.resolve()

  /** Includes lanes of this holder that are not worked on here: the reply to their claim was lost. */
  function dueLanes(sql: AnySql, now: number) {
    return sql`
      due_at <= ${now}
      and lane not in (
        select json_array_elements_text(${JSON.stringify([...claims.keys()])}::text::json))
      and (holder is null or holder = ${lease.name}
        or not exists (select from holder h where h.name = lane.holder))
      order by due_at, lane limit 1`
  }

  async function claimFirst(): Promise<string | undefined> {
    // Without a lock first: most of the time nothing is due.
    const now = lease.now()
    const [due] = await postgres.run(
      (sql) => sql`select lane from lane where ${dueLanes(sql, now)}`,
    )
    if (due === undefined) return undefined
    const claim = randomUUID()
    for (;;) {
      const claimed = await repeatOnConflict(() =>
        postgres.transaction((sql) => claimIn(sql, claim, now)),
      )
      if (claimed === undefined) return undefined
      if (!claimed.isHeld) continue
      claims.set(claimed.lane, claim)
      return claimed.lane
    }
  }

  /** Takes the first lane that is due and free; not held if only a digest was, which was closed. */
  async function claimIn(sql: LaneSql, claim: string, now: number) {
    const [row] = await sql`
      select lane from lane where ${dueLanes(sql, now)} for update skip locked`
    if (row === undefined) return undefined
    const lane: string = row['lane']
    const isDue = await digests.closeDue(sql, lane, now)
    await updateDueAt(sql, lane)
    if (!isDue) return { lane, isHeld: false }
    const [taken] = await sql`update lane set holder = ${lease.name}, claim = ${claim}
      where lane = ${lane} and exists (select from holder where name = ${lease.name})
      returning lane`
    // The lease has run out: the lane is claimed in the next epoch.
    return taken && { lane, isHeld: true }
  }

  return {
    claim() {
      // One after the other: a lane that is not in `claims` while a claim is under way may be that claim's.
      const next = claiming.then(claimFirst, claimFirst)
      claiming = next.catch(() => {})
      return next
    },
    of: (lane) => claims.get(lane) ?? null,
    end(lane, claim) {
      if (claims.get(lane) === claim) claims.delete(lane)
    },
  }
}
