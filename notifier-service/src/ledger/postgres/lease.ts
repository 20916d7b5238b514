import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import { type LeaseRow, LeaseWatch, type Postgres } from '@herald/runtime/postgres'

/**
 * A row that this notifier renews until it is closed. Only what names no row is free for others: each
 * holder deletes rows that have not changed for their lease, by its own monotonic clock, so that no
 * clock that is set ends a lease or prolongs it. A holder whose row is gone goes on under a new name, the
 * next epoch.
 */
export interface Lease {
  /** The holder's name and epoch. */
  readonly name: string
  /** Whether that name is this holder's, in whatever epoch. */
  isOwn(name: string | undefined): boolean
  /** The database's time, in milliseconds since 1970. */
  now(): number
  /** Renews the lease, or begins the next epoch. Rejects with StoreError. */
  renew(): Promise<void>
  /** Ends the lease: what it holds becomes free. */
  close(): Promise<void>
}

export interface LeaseOptions {
  /** For people who look at the table. */
  readonly holder: string
  readonly leaseMs: number
  readonly logger: Logger
}

const maxCloseMs = 2000

/** Rejects with StoreError. */
export async function holdLease(
  postgres: Postgres,
  { holder, leaseMs, logger }: LeaseOptions,
): Promise<Lease> {
  const prefix = `${holder}/${randomUUID()}/`
  const others = new LeaseWatch(leaseMs / 2)
  // Else the lease could run out behind a burst of statements.
  const run: Postgres['run'] = (work) => postgres.run(work, { isUrgent: true })
  let epoch = 0
  let offset = 0
  let renewing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  const nameNow = () => `${prefix}${epoch}`

  async function renewOnce(): Promise<void> {
    const sentAt = performance.now()
    const time = await run(async (sql) => {
      const [renewed] = await sql`
        update holder set renewed_at = clock_timestamp() where name = ${nameNow()}
        returning extract(epoch from clock_timestamp()) * 1000 as time`
      if (renewed) return Number(renewed['time'])
      if (epoch > 0)
        logger.warn('the lease in the ledger ran out: attempts and lanes were given up')
      epoch += 1
      const [begun] = await sql`
        insert into holder (name, renewed_at, lease_ms)
        values (${nameNow()}, clock_timestamp(), ${leaseMs})
        returning extract(epoch from clock_timestamp()) * 1000 as time`
      return Number(begun?.['time'])
    })
    offset = time - (sentAt + performance.now()) / 2
    await deleteGone()
  }

  async function deleteGone(): Promise<void> {
    const gone = await others.findGone(() =>
      run(
        (sql) => sql<LeaseRow[]>`
          select name, xmin::text as version, lease_ms as "leaseMs" from holder
          where name <> ${nameNow()}`,
      ),
    )
    for (const { name, version } of gone) {
      await run((sql) => sql`delete from holder where name = ${name} and xmin::text = ${version}`)
    }
  }

  function renew(): Promise<void> {
    renewing ??= renewOnce().finally(() => {
      renewing = undefined
    })
    return renewing
  }

  await renew()
  timer = setInterval(() => {
    // A database that cannot be reached is reported by what needs it.
    renew().catch((error: unknown) => logger.debug({ err: error }, 'the lease was not renewed'))
  }, leaseMs / 4)
  timer.unref()
  return {
    get name() {
      return nameNow()
    },
    isOwn: (name) => name?.startsWith(prefix) === true,
    now: () => Math.round(performance.now() + offset),
    renew,
    async close() {
      clearInterval(timer)
      await renewing?.catch(() => {})
      const ended = run((sql) => sql`delete from holder where name = ${nameNow()}`)
      // A database that does not answer lets the lease run out.
      await Promise.race([ended.catch(() => {}), pause(maxCloseMs, undefined, { ref: false })])
    },
  }
}
