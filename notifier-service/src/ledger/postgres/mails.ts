import { randomUUID } from 'node:crypto'
import type { Postgres } from '@herald/runtime/postgres'
import { StoreError } from '@herald/runtime/store'
import { createBatcher } from '../batcher.js'
import type { MailIdentity } from '../mail-record.js'
import { type EventRef, MailNotFree, type MailRecord, type Settlement } from '../mail-record.js'
import { begunBy, isFinal, isTaken, mergeRecord, settled } from '../mail-states.js'
import type { Lease } from './lease.js'
import {
  type AnySql,
  changeMails,
  keyOf,
  type MailChange,
  type MailKey,
  type MailRow,
  readMails,
} from './mail-table.js'
import { nameOf, OwnAttempts } from './own-attempts.js'
import { WriteConflict } from './write-conflict.js'

/** The record of a mail as this holder sees it. */
interface ReadMail {
  readonly record: MailRecord | undefined
  /** The tag that a change has to name; null: there is no row of that name. */
  readonly expected: string | null
}

/** The record to write; undefined: it stays as it is. Called again if the record has changed meanwhile. */
type Decide = (before: MailRecord | undefined) => MailRecord | undefined

/** Mails by compare-and-swap: a change names the version of the row that it is based on, by its tag. */
export interface PostgresMails {
  find(event: EventRef): Promise<MailRecord | undefined>
  /** The record, with attempts of holders that are gone as unknown. */
  view(row: MailRow): MailRecord | undefined
  begin(event: EventRef, mail: MailIdentity): Promise<void>
  settle(event: EventRef, mail: MailIdentity, settlement: Settlement): Promise<MailRecord>
  /** Resolves to the record then. */
  change(event: EventRef, decide: Decide): Promise<MailRecord | undefined>
  /** The same within a transaction. Rejects with WriteConflict. */
  changeIn(sql: AnySql, event: EventRef, decide: Decide): Promise<MailRecord | undefined>
}

/** Mails that `find` has read are kept for the change that follows, which then need not read. */
const maxKept = 10_000
const maxTries = 8

export function createPostgresMails(
  postgres: Postgres,
  lease: Lease,
  attemptMs: number,
): PostgresMails {
  const attempts = new OwnAttempts(lease)
  const kept = new Map<string, ReadMail>()
  const readRow = createBatcher((keys: readonly MailKey[]) =>
    postgres.run((sql) => readMails(sql, keys)),
  )
  const write = createBatcher((changes: readonly MailChange[]) =>
    postgres.run((sql) => changeMails(sql, changes, lease.name)),
  )

  const viewed = (key: MailKey, row: MailRow | undefined): ReadMail => ({
    record: row && attempts.view(row),
    // A digest's record is copied to its event.
    expected: row && nameOf(row) === nameOf(key) ? row.tag : null,
  })

  const read = async (key: MailKey) => viewed(key, await readRow(key))

  /** Writes what `decide` makes of the record, and again if that has changed meanwhile. */
  async function swap(
    event: EventRef,
    decide: Decide,
    { tag = randomUUID(), ...options }: { tag?: string; attemptMs?: number } = {},
  ): Promise<MailRecord | undefined> {
    const key = keyOf(event)
    const tryWrite = (record: MailRecord, { expected }: ReadMail) => {
      const outcome = isFinal(record) && { outcomeOf: event }
      return write({ ...key, expected, tag, record, ...options, ...outcome })
    }
    const earlier = kept.get(nameOf(key))
    kept.delete(nameOf(key))
    const record = earlier && recordOrNone(decide, earlier)
    if (earlier && record && (await tryWrite(record, earlier))) return record
    for (let tries = 0; tries < maxTries; tries += 1) {
      const before = await read(key)
      const record = decide(before.record)
      if (record === undefined) return before.record
      if (await tryWrite(record, before)) return record
      // The lease may have run out: the next epoch begins.
      if (options.attemptMs !== undefined) await lease.renew()
    }
    throw new StoreError(
      'STORE_FAILED',
      `A record of the ledger was changed by other notifiers ${maxTries} times in a row.`,
    )
  }

  return {
    view: (row) => attempts.view(row),

    async find(event) {
      const key = keyOf(event)
      const found = await read(key)
      if (kept.size >= maxKept) kept.clear()
      kept.set(nameOf(key), found)
      return found.record
    },

    async begin(event, mail) {
      const key = keyOf(event)
      const tag = randomUUID()
      let before: MailRecord | undefined
      const decide = (found: MailRecord | undefined) => {
        before = found
        if (found && isTaken(found)) throw new MailNotFree(found.state)
        return begunBy(lease.name, mergeRecord(mail, found, lease.now()))
      }
      try {
        const record = await swap(event, decide, { tag, attemptMs })
        attempts.begun(key, tag, record as MailRecord)
      } catch (error) {
        if (error instanceof StoreError) attempts.notBegun(key, tag, before)
        throw error
      }
    },

    async settle(event, mail, settlement) {
      const key = keyOf(event)
      const attempt = attempts.get(key)
      const end = (before: MailRecord | undefined) =>
        settled(mergeRecord(mail, before, lease.now()), settlement)
      if (attempt === undefined) {
        return (await swap(event, (before) => {
          if (before && isTaken(before)) throw new MailNotFree(before.state)
          return end(before)
        })) as MailRecord
      }
      const { tag: expected, endTag: tag } = attempt
      const record = end(attempt.record)
      const outcome = isFinal(record) && { outcomeOf: event }
      const isWritten = await write({ ...key, expected, tag, record, ...outcome })
      // An earlier try may have written it although its answer was lost.
      const row = isWritten ? undefined : await readRow(key)
      attempts.ended(key)
      if (isWritten || row?.tag === tag) return record
      // Another holder began: this one was stopped for too long.
      throw new MailNotFree(row?.record.state ?? 'unknown')
    },

    change: swap,

    async changeIn(sql, event, decide) {
      const key = keyOf(event)
      const [row] = await readMails(sql, [key])
      const { record: before, expected } = viewed(key, row)
      const record = decide(before)
      if (record === undefined) return before
      const change = { ...key, expected, tag: randomUUID(), record }
      const [isWritten] = await changeMails(sql, [change], lease.name)
      if (!isWritten) throw new WriteConflict('a mail was changed meanwhile')
      return record
    },
  }
}

/** What was read earlier may be out of date: it cannot refuse a change. */
function recordOrNone(decide: Decide, { record }: ReadMail): MailRecord | undefined {
  try {
    return decide(record)
  } catch {
    return undefined
  }
}
