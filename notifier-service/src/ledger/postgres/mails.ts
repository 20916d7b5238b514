import { randomUUID } from 'node:crypto'
import type { Postgres } from '@herald/runtime/postgres'
import { StoreError } from '@herald/runtime/store'
import { createBatcher } from '../batcher.js'
import type { MailIdentity } from '../mail-record.js'
import { type EventRef, MailNotFree, type MailRecord, type Settlement } from '../mail-record.js'
import { begunBy, interrupted, isFinal, isTaken, mergeRecord, settled } from '../mail-states.js'
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

/** A row changed between reading and writing it. */
export class WriteConflict extends Error {
  override readonly name = 'WriteConflict'
}

/** The record of a mail as this holder sees it, and the row it is from. */
export interface KnownMail {
  readonly record: MailRecord | undefined
  /** What a change of the mail under that name has to name. */
  readonly expected: string | null
}

/** An attempt of this holder that is under way. */
interface OwnAttempt {
  readonly tag: string
  readonly record: MailRecord
  /** Of its end, the same for each try to record it. */
  readonly settledTag: string
}

/** Mails by compare-and-swap: a change names the version it is based on, which `find` has read before. */
export interface PostgresMails {
  find(event: EventRef): Promise<MailRecord | undefined>
  /** The record, with attempts of holders that are gone as unknown. */
  view(row: MailRow): MailRecord | undefined
  begin(event: EventRef, mail: MailIdentity): Promise<void>
  settle(event: EventRef, mail: MailIdentity, settlement: Settlement): Promise<MailRecord>
  /** Changes the record until it is written; undefined from `decide`: as it is. Resolves to the record. */
  change(
    event: EventRef,
    decide: (before: MailRecord | undefined) => MailRecord | undefined,
  ): Promise<MailRecord | undefined>
  /** The same within a transaction. Rejects with WriteConflict. */
  changeIn(
    sql: AnySql,
    event: EventRef,
    decide: (before: MailRecord | undefined) => MailRecord | undefined,
  ): Promise<MailRecord | undefined>
}

/** Records that were read and are kept for the change that follows. */
const maxKnown = 10_000
const maxTries = 8

export function createPostgresMails(
  postgres: Postgres,
  lease: Lease,
  attemptMs: number,
): PostgresMails {
  const own = new Map<string, OwnAttempt>()
  /** Attempts that were not begun because no answer came: the mail is as before. */
  const neverBegun = new Map<string, { tag: string; before: MailRecord | undefined }>()
  const known = new Map<string, KnownMail>()
  const read = createBatcher((keys: readonly MailKey[]) =>
    postgres.run((sql) => readMails(sql, keys)),
  )
  const write = createBatcher((changes: readonly MailChange[]) =>
    postgres.run((sql) => changeMails(sql, changes, lease.name)),
  )

  function view(row: MailRow): MailRecord | undefined {
    const { record, tag, held } = row
    if (record.state !== 'attempting') return record
    if (own.get(nameOf(row))?.tag === tag) return record
    const lost = neverBegun.get(nameOf(row))
    if (lost?.tag === tag) return lost.before
    return held && !lease.isOwn(record.holder) ? record : interrupted(record)
  }

  const knownOf = (key: MailKey, row: MailRow | undefined): KnownMail => ({
    record: row && view(row),
    // A digest's record is copied to its event.
    expected: row && nameOf(row) === nameOf(key) ? row.tag : null,
  })

  const readKnown = async (key: MailKey) => knownOf(key, await read(key))

  /** Writes what `decide` makes of the record, and again if that has changed meanwhile. */
  async function swap(
    event: EventRef,
    decide: (before: MailRecord | undefined) => MailRecord | undefined,
    { tag = randomUUID(), ...options }: { tag?: string; attemptMs?: number } = {},
  ): Promise<MailRecord | undefined> {
    const key = keyOf(event)
    let before = known.get(nameOf(key))
    known.delete(nameOf(key))
    let isRemembered = before !== undefined
    for (let tries = 0; tries < maxTries; tries += 1) {
      before ??= await readKnown(key)
      let record: MailRecord | undefined
      try {
        record = decide(before.record)
      } catch (error) {
        // What was remembered may be out of date: only what is read now can refuse.
        if (!isRemembered) throw error
      }
      if (record !== undefined) {
        const outcome = isFinal(record) && { outcomeOf: event }
        const change = { ...key, expected: before.expected, tag, record, ...options, ...outcome }
        if (await write(change)) return record
        // The lease may have run out: the next epoch begins.
        if (options.attemptMs !== undefined && !isRemembered) await lease.renew()
      } else if (!isRemembered) return before.record
      isRemembered = false
      before = undefined
    }
    throw new StoreError(
      'STORE_FAILED',
      `A record of the ledger was changed by other notifiers ${maxTries} times in a row.`,
    )
  }

  return {
    view,

    async find(event) {
      const key = keyOf(event)
      const found = await readKnown(key)
      if (known.size >= maxKnown) known.clear()
      known.set(nameOf(key), found)
      return found.record
    },

    async begin(event, mail) {
      const key = keyOf(event)
      const name = nameOf(key)
      const tag = randomUUID()
      let before: MailRecord | undefined
      const decide = (found: MailRecord | undefined) => {
        before = found
        if (found && isTaken(found)) throw new MailNotFree(found.state)
        return begunBy(lease.name, mergeRecord(mail, found, lease.now()))
      }
      try {
        const record = (await swap(event, decide, { tag, attemptMs })) as MailRecord
        neverBegun.delete(name)
        own.set(name, { tag, record, settledTag: randomUUID() })
      } catch (error) {
        if (error instanceof StoreError) neverBegun.set(name, { tag, before })
        throw error
      }
    },

    async settle(event, mail, settlement) {
      const key = keyOf(event)
      const name = nameOf(key)
      const attempt = own.get(name)
      const end = (before: MailRecord | undefined) =>
        settled(mergeRecord(mail, before, lease.now()), settlement)
      if (attempt === undefined) {
        return (await swap(event, (before) => {
          if (before && isTaken(before)) throw new MailNotFree(before.state)
          return end(before)
        })) as MailRecord
      }
      const record = end(attempt.record)
      const outcome = isFinal(record) && { outcomeOf: event }
      const change = { ...key, expected: attempt.tag, tag: attempt.settledTag, record, ...outcome }
      const isWritten = await write(change)
      const row = isWritten ? undefined : await read(key)
      own.delete(name)
      if (isWritten || row?.tag === attempt.settledTag) return record
      // Another holder began: this one was stopped for too long.
      throw new MailNotFree(row?.record.state ?? 'unknown')
    },

    change: swap,

    async changeIn(sql, event, decide) {
      const key = keyOf(event)
      const [row] = await readMails(sql, [key])
      const { record: before, expected } = knownOf(key, row)
      const record = decide(before)
      if (record === undefined) return before
      const change = { ...key, expected, tag: randomUUID(), record }
      const [isWritten] = await changeMails(sql, [change], lease.name)
      if (!isWritten) throw new WriteConflict('a mail was changed meanwhile')
      return record
    },
  }
}

const nameOf = ({ id, source }: MailKey) => `${source}\n${id}`
