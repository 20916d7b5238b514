import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import type { Postgres } from '@herald/runtime/postgres'

/**
 * A row that this notifier renews until it is closed. Every decision is made in SQL by the database's
 * clock: a row past its time is deleted, by the first holder that renews, and only what names
 * no row is free for others. A holder whose row is gone goes on under a new name, the next epoch.
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
  let epoch = 0
  let offset = 0
  let renewing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  const nameNow = () => `${prefix}${epoch}`

  async function renewOnce(): Promise<void> {
    const sentAt = performance.now()
    const time = await postgres.run(async (sql) => {
      const [renewed] = await sql`
        with gone as (delete from holder where until < clock_timestamp() and name <> ${nameNow()})
        update holder set until = clock_timestamp() + ${leaseMs}::int * interval '1 ms'
        where name = ${nameNow()} and until > clock_timestamp()
        returning extract(epoch from clock_timestamp()) * 1000 as time`
      if (renewed) return Number(renewed['time'])
      if (epoch > 0)
        logger.warn('the lease in the ledger ran out: attempts and lanes were given up')
      epoch += 1
      const [begun] = await sql`
        insert into holder (name, until)
        values (${nameNow()}, clock_timestamp() + ${leaseMs}::int * interval '1 ms')
        returning extract(epoch from clock_timestamp()) * 1000 as time`
      return Number(begun?.['time'])
    })
    offset = time - (sentAt + performance.now()) / 2
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
      const ended = postgres.run((sql) => sql`delete from holder where name = ${nameNow()}`)
      // A database that does not answer lets the lease run out.
      await Promise.race([ended.catch(() => {}), pause(maxCloseMs, undefined, { ref: false })])
    },
  }
}
