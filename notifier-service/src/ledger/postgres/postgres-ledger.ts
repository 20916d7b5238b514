import type { Logger } from '@herald/runtime'
import { migrate, openPostgres, type Postgres, type PostgresTarget } from '@herald/runtime/postgres'
import { type DigestRule, defaultRule } from '../lanes.js'
import type { Ledger, NamedMail } from '../ledger.js'
import type { EventRef, MailRecord } from '../mail-record.js'
import { isFinal, mergeRecord, reopened } from '../mail-states.js'
import { createPostgresLanes } from './lanes.js'
import { holdLease, type Lease } from './lease.js'
import { bounded, findMails, keyOf, type MailRow } from './mail-table.js'
import { createPostgresMails } from './mails.js'
import { markAnnounced, pendingOutcomes } from './outcome-table.js'
import { pruneMails } from './prune.js'
import { migrations } from './schema.js'
import { repeatOnConflict } from './write-conflict.js'

export interface PostgresLedgerOptions {
  readonly target: PostgresTarget
  readonly logger: Logger
  /** The longest time from a body's first byte to its reply, in milliseconds. */
  readonly maxReplyMs: number
  /**
   * How long a notifier may be stopped or cut off before what it holds is free, in milliseconds; also
   * how long a body may begin after its attempt was recorded.
   */
  readonly leaseMs: number
  /** When the events of a run become a mail. */
  readonly digests?: DigestRule
  /** The name of the holder, for people. */
  readonly holder: string
  /** For tests of time: the clock of all that waits. Default: the database's. */
  readonly now?: () => number
}

/** A statement that is planned while the tables are nearly empty is as fast when they have grown. */
const settings = { enable_seqscan: 'off', jit: 'off' }
/** Clocks that run at different rates, and a statement under way. */
const clockRate = 1.02
const slackMs = 1000

/**
 * The ledger in PostgreSQL, for notifiers on several machines. A notifier that is stopped for longer
 * than its lease has lost its lanes, and its attempts once their replies cannot come any more.
 * Rejects with StoreError.
 */
export async function openPostgresLedger(options: PostgresLedgerOptions): Promise<Ledger> {
  const { target, logger, leaseMs, holder } = options
  const postgres = openPostgres(target, { applicationName: `herald ${holder}`, settings })
  try {
    await migrate(postgres, migrations)
    const held = await holdLease(postgres, { holder, leaseMs, logger })
    return createLedger(postgres, held, options)
  } catch (error) {
    await postgres.close()
    throw error
  }
}

function createLedger(
  postgres: Postgres,
  held: Lease,
  { leaseMs, maxReplyMs, digests: rule = defaultRule, now }: PostgresLedgerOptions,
): Ledger {
  const lease = now ? Object.assign(Object.create(held), { now }) : held
  const attemptMs = Math.ceil((maxReplyMs + leaseMs) * clockRate) + slackMs
  const mails = createPostgresMails(postgres, lease, attemptMs)
  const lanes = createPostgresLanes(postgres, { lease, mails, rule })
  const listeners = new Set<() => void>()
  const viewed = (rows: readonly (MailRow & { readonly event: EventRef })[]): NamedMail[] =>
    rows.flatMap((row) => {
      const record = mails.view(row)
      return record ? [{ event: row.event, record }] : []
    })

  return {
    lanes,
    now: lease.now,
    find: mails.find,
    async findById(eventId) {
      const rows = await postgres.run((sql) => findMails(sql, 'id', bounded(eventId)))
      return viewed(rows).map(({ record }) => record)
    },
    async findByConversion(conversionId) {
      const value = bounded(conversionId)
      return viewed(await postgres.run((sql) => findMails(sql, 'conversion_id', value)))
    },

    pendingOutcomes: (limit, isWanted = () => true) =>
      pendingOutcomes(postgres, lease.name, limit, isWanted),
    onOutcome(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    markAnnounced: (outcomes) => markAnnounced(postgres, outcomes),

    async begin(event, mail) {
      const sentAt = performance.now()
      const sentAtByDate = Date.now()
      await mails.begin(event, mail)
      // A monotonic clock stands still while its machine is suspended, and Date may be set.
      return () => performance.now() - sentAt < leaseMs && Date.now() - sentAtByDate < leaseMs
    },
    async settle(event, mail, settlement) {
      const record = await mails.settle(event, mail, settlement)
      if (isFinal(record)) for (const listener of listeners) listener()
      return record
    },

    async reopen(event, replay, mail) {
      const key = keyOf(event)
      const isOpen = (record: MailRecord | undefined) =>
        record?.state !== 'failed' || record.replay === replay
      return repeatOnConflict(async () => {
        const found = await mails.find(event)
        if (isOpen(found)) return found
        return postgres.transaction(async (sql) => {
          const member = await sql`
            delete from member where id = ${key.id} and source = ${key.source} returning id`
          return mails.changeIn(sql, event, (record = found) => {
            if (record === undefined || isOpen(record)) return undefined
            const { possiblyDelivered } = record
            const alone =
              member.length === 0
                ? record
                : {
                    ...mergeRecord(mail, undefined, lease.now()),
                    ...(possiblyDelivered && { possiblyDelivered }),
                  }
            return reopened(alone, replay, lease.now())
          })
        })
      })
    },
    async markDeadLettered(event) {
      await mails.change(event, (record) => record && { ...record, deadLetteredAt: lease.now() })
    },

    adjustToClock: () => lanes.adjustToClock(),
    prune: (before) => pruneMails(postgres, before),
    // A write: a database that is full or read only refuses it.
    check: () => held.renew(),
    async close() {
      await held.close()
      await postgres.close()
    },
  }
}
