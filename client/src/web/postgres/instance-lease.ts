import type { Logger } from '@herald/runtime/logger'
import { type LeaseRow, LeaseWatch, type Postgres } from '@herald/runtime/postgres'
import { logOutages } from '../log-outages.js'

/** An instance that has not renewed its lease for so long counts as gone. */
const leaseMs = 10_000
const renewMs = 3_000

/**
 * A row that this instance renews. It deletes rows of others that have not changed for their lease, by
 * its own monotonic clock: what has no row is gone.
 */
export interface InstanceLease {
  /** The database's time, in milliseconds since 1970. */
  now(): number
  /** Gives it up. */
  release(): Promise<void>
}

export async function holdLease(
  postgres: Postgres,
  instance: string,
  logger: Logger,
): Promise<InstanceLease> {
  const others = new LeaseWatch(leaseMs / 2)
  // Else the lease could run out behind a burst of statements.
  const run: Postgres['run'] = (work) => postgres.run(work, { isUrgent: true })
  let offset = 0
  const renew = async () => {
    const sentAt = performance.now()
    const [renewed] = await run(
      (sql) => sql`
        insert into instance (id, renewed_at) values (${instance}, clock_timestamp())
        on conflict (id) do update set renewed_at = excluded.renewed_at
        returning extract(epoch from clock_timestamp()) * 1000 as time`,
    )
    offset = Number(renewed?.['time']) - (sentAt + performance.now()) / 2
    const gone = await others.findGone(() =>
      run(
        (sql) => sql<LeaseRow[]>`
          select id as name, xmin::text as version, ${leaseMs}::int as "leaseMs" from instance
          where id <> ${instance}`,
      ),
    )
    for (const { name, version } of gone) {
      await run((sql) => sql`delete from instance where id = ${name} and xmin::text = ${version}`)
    }
  }
  await renew()
  const logged = logOutages(logger, {
    failed: 'could not renew the lease of this instance; will retry',
    again: 'the lease of this instance is renewed again',
  })
  let renewing: Promise<void> | undefined
  const timer = setInterval(() => {
    renewing ??= logged(renew).finally(() => {
      renewing = undefined
    })
  }, renewMs)
  return {
    now: () => Math.round(performance.now() + offset),
    async release() {
      clearInterval(timer)
      await renewing
      await run((sql) => sql`delete from instance where id = ${instance}`)
    },
  }
}
