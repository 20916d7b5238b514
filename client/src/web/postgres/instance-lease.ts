import type { Logger } from '@herald/runtime/logger'
import type { Postgres } from '@herald/runtime/postgres'

/** An instance that has not renewed its lease for so long counts as gone. */
const leaseMs = 10_000
const renewMs = 3_000

/** The lease of one instance, by the clock of the database. */
export interface InstanceLease {
  /**
   * Whether leases of others can be judged: while the database could not be reached, no instance could
   * renew its own, so each gets the time to do so.
   */
  readonly canJudgeOthers: boolean
  /** Gives it up. */
  release(): Promise<void>
}

export async function holdLease(
  postgres: Postgres,
  instance: string,
  logger: Logger,
): Promise<InstanceLease> {
  /** By the monotonic clock: since when no renewal has failed. */
  let renewingSinceMs = performance.now()
  let renewedAtMs = 0
  const renew = async () => {
    await postgres.run(
      (sql) => sql`
        insert into instance (id, until)
        values (${instance}, clock_timestamp() + ${leaseMs} * interval '1 ms')
        on conflict (id) do update set until = excluded.until`,
    )
    const now = performance.now()
    if (now - renewedAtMs > leaseMs) renewingSinceMs = now
    renewedAtMs = now
  }
  await renew()
  let renewing: Promise<void> | undefined
  const timer = setInterval(() => {
    renewing ??= renew()
      .catch((error: unknown) =>
        logger.warn({ err: error }, 'could not renew the lease of this instance'),
      )
      .finally(() => {
        renewing = undefined
      })
  }, renewMs)
  return {
    get canJudgeOthers() {
      const now = performance.now()
      return now - renewedAtMs < leaseMs && now - renewingSinceMs >= leaseMs
    },
    async release() {
      clearInterval(timer)
      await renewing
      await postgres.run((sql) => sql`delete from instance where id = ${instance}`)
      // Rows of instances that were killed.
      await postgres.run((sql) => sql`delete from instance where until < now() - interval '1 day'`)
    },
  }
}
