import type { Postgres, Sql } from '@herald/runtime/postgres'
import type { Records } from '../records.js'

/** How long the size of all results is reused at least, and how many times as long as it took to sum. */
const sizeKeptMs = 3_000
const sizeKeptTimes = 20
const maxDeletedAtOnce = 500

/**
 * Whether the time in that column of `c` has not come. One that is later than a period from now was written
 * before the database's clock was set back; transactions that began a moment apart do not differ by a
 * minute.
 */
const isAhead = (sql: Sql, column: 'until' | 'next_at') => sql`
  c.${sql(column)} > now() and c.${sql(column)} < excluded.${sql(column)} + interval '1 minute'`

/** What all instances count together, and what only one of them does at a time. */
export function sharedCounters({
  run,
}: Postgres): Pick<Records, 'count' | 'takeTurn' | 'deleteOlder' | 'bytesStored'> {
  let size = { bytes: 0, untilMs: Number.NEGATIVE_INFINITY }
  let summing: Promise<void> | undefined
  const sumBytes = async () => {
    const startedAtMs = performance.now()
    const [sum] = await run(
      (sql) => sql`select sum(bytes) as bytes from conversion where bytes > 0`,
    )
    const now = performance.now()
    const keptMs = Math.max(sizeKeptMs, (now - startedAtMs) * sizeKeptTimes)
    size = { bytes: Number(sum?.['bytes'] ?? 0), untilMs: now + keptMs }
  }
  return {
    async count(name, periodMs) {
      const [counted] = await run(
        (sql) => sql<{ count: number; left_ms: string }[]>`
          insert into counter as c (name, count, until)
          values (${name}, 1, now() + ${periodMs} * interval '1 ms')
          on conflict (name) do update set
            count = case when ${isAhead(sql, 'until')} then c.count + 1 else 1 end,
            until = case when ${isAhead(sql, 'until')} then c.until else excluded.until end
          returning count, extract(epoch from until - now()) * 1000 as left_ms`,
      )
      return { count: counted?.count ?? 0, leftMs: Number(counted?.left_ms) }
    },
    async takeTurn(task, pauseMs) {
      const taken = await run(
        (sql) => sql`
          insert into turn as c (task, next_at)
          values (${task}, now() + ${pauseMs} * interval '1 ms')
          on conflict (task) do update set next_at = excluded.next_at
          where not (${isAhead(sql, 'next_at')})
          returning task`,
      )
      return taken.length > 0
    },
    async deleteOlder(beforeMs) {
      const runs = await run(
        (sql) => sql`
          delete from run where run_token in (
            select run_token from run
            where created_at < to_timestamp(${beforeMs}::float8 / 1000) limit ${maxDeletedAtOnce})`,
      )
      const counters = await run(
        (sql) => sql`
          delete from counter where name in (
            select name from counter where until < now() limit ${maxDeletedAtOnce})`,
      )
      // Longer than an upload is retried.
      const ended = await run(
        (sql) => sql`
          delete from ended where (owner, key) in (
            select owner, key from ended where at < now() - interval '10 minutes'
            limit ${maxDeletedAtOnce})`,
      )
      return [runs, counters, ended].some(({ count }) => count === maxDeletedAtOnce)
    },
    async bytesStored() {
      if (performance.now() > size.untilMs) {
        summing ??= sumBytes().finally(() => {
          summing = undefined
        })
        await summing
      }
      return size.bytes
    },
  }
}
