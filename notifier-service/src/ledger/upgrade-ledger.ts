import type { Store, Table } from '@herald/runtime/store'
import { StoreError } from '@herald/runtime/store'
import type { MailKey } from './lmdb-mails.js'
import type { MailRecord } from './mail-record.js'
import { upgradeLanes } from './upgrade-lanes.js'

/** What this version writes. 0.1.0 wrote no number. */
const currentFormat = 2

/** Rows in one write, so that the event loop is not blocked for long. */
const batchSize = 1000

/**
 * Rewrites what 0.1.0 left in the ledger: records, pending outcomes, and everything that waits. It
 * goes on at the next start if it was interrupted. Notifiers of 0.1.0 must not run on the same
 * folder: what they write afterwards is not read. Rejects with StoreError if a later version wrote it.
 */
export async function upgradeLedger(store: Store, directory: string): Promise<void> {
  const versions = store.table<number, string>('versions')
  const format = versions.get('format')
  if (format === currentFormat) return
  if (format !== undefined) {
    throw new StoreError(
      'STORE_FAILED',
      `The ledger in ${directory} has format ${format}; this version reads format ${currentFormat}. Use the version of Herald that wrote it, or a later one.`,
    )
  }
  const mails = store.table<MailRow | MailRecord, MailKey>('mails')
  if (mails.count({ limit: 1 }) > 0) {
    await upgradeMails(store, mails)
    await upgradeOutcomes(store)
    await upgradeLanes(store)
  }
  await store.write(() => versions.put('format', currentFormat))
}

/** A record by position. The holder is left out: no notifier of 0.1.0 is running. */
type MailRow = readonly [
  state: MailRecord['state'],
  attempts: number,
  reply: string,
  firstAttemptAt: number,
  updatedAt: number,
  nextAttemptAt: number | null,
  deadLetteredAt: number | null,
  holder: unknown,
  mail: readonly [recipient: string, from: string, messageId: string, template: string],
  eventIds: readonly string[],
  conversion: readonly [conversionId: string | null, runId: string | null],
  origin: readonly [topic: string, partition: number, offset: string] | null,
  history: readonly NoteRow[] | null,
  rest: Partial<MailRecord> | null,
]

type NoteRow = readonly [
  at: number,
  state: Exclude<MailRecord['state'], 'attempting'>,
  /** True: the reply of the record. */
  reply: string | true,
  counted: boolean,
]

async function upgradeMails(
  store: Store,
  mails: Table<MailRow | MailRecord, MailKey>,
): Promise<void> {
  const ages = store.table<true, [number, ...MailKey]>('ages')
  for (let start: MailKey = ['', '']; ; ) {
    const batch = [...mails.entries({ start, limit: batchSize })]
    await store.write(() => {
      for (const { key, value } of batch) {
        if (!isRow(value)) continue
        const record = recordOf(value)
        mails.put(key, record)
        ages.put([record.updatedAt, ...key], true)
      }
    })
    const last = batch.at(-1)
    if (batch.length < batchSize || last === undefined) return
    start = last.key
  }
}

/** False for a record that an interrupted upgrade has rewritten. */
const isRow = (mail: MailRow | MailRecord): mail is MailRow => Array.isArray(mail)

function recordOf(mail: MailRow): MailRecord {
  const [state, attempts, reply, firstAttemptAt, updatedAt, nextAttemptAt, deadLetteredAt] = mail
  const [, , , , , , , , identity, eventIds, conversion, origin, history, rest] = mail
  const [recipient, from, messageId, template] = identity
  const [conversionId, runId] = conversion
  return withoutUndefined({
    ...{ eventIds, recipient, from, messageId, template },
    ...{ conversionId: conversionId ?? undefined, runId: runId ?? undefined },
    origin: origin ? { topic: origin[0], partition: origin[1], offset: origin[2] } : undefined,
    ...{ state, attempts, reply, firstAttemptAt, updatedAt },
    nextAttemptAt: nextAttemptAt ?? undefined,
    deadLetteredAt: deadLetteredAt ?? undefined,
    history: history?.map(([at, ended, text, counted]) => ({
      at,
      state: ended,
      reply: text === true ? reply : text,
      counted,
    })),
    ...rest,
  })
}

function withoutUndefined<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T
}

type OldOutcome = readonly [id: string, source: string, at: number, pid: number, startedAt: string]

async function upgradeOutcomes(store: Store): Promise<void> {
  const outcomes = store.table<unknown, MailKey>('unannounced')
  await store.write(() => {
    for (const { key, value } of [...outcomes.entries()]) {
      if (!Array.isArray(value)) continue
      const [id, source, updatedAt] = value as unknown as OldOutcome
      outcomes.put(key, { event: { id, source }, updatedAt })
    }
  })
}
