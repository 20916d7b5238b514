import type { Postgres } from '@herald/runtime/postgres'

/** Mails in one statement, so that others do not wait for long. */
const batchSize = 1000

/**
 * As Ledger.prune. A mail that waits or was changed since is looked at again when its last change is
 * old: the index has a time that changes here only.
 */
export async function pruneMails(postgres: Postgres, before: number): Promise<number> {
  for (let pruned = 0; ; ) {
    const [row] = await postgres.run(
      (sql) => sql`
        with old as (
          select id, source, updated_at, in_lane from mail where aged_at < ${before}
          order by aged_at limit ${batchSize} for update skip locked
        ), gone as (
          delete from mail m using old where m.id = old.id and m.source = old.source
            and old.updated_at < ${before} and not old.in_lane
          returning m.id, m.source
        ), kept as (
          update mail m set aged_at = greatest(old.updated_at, ${before}) from old
          where m.id = old.id and m.source = old.source
            and (old.updated_at >= ${before} or old.in_lane)
        ), members as (
          delete from member r using gone
          where r.digest_id = gone.id and r.digest_source = gone.source
        ), outcomes as (
          delete from outcome o using gone where o.id = gone.id and o.source = gone.source
        )
        select (select count(*) from old)::int as old, (select count(*) from gone)::int as gone`,
    )
    const { old, gone } = row as { old: number; gone: number }
    pruned += gone
    if (old < batchSize) return pruned
  }
}
