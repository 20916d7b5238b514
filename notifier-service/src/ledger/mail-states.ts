import { type MailIdentity, type MailRecord, maxHistory, type Settlement } from './mail-record.js'

// How records change, the same in every store. Pure functions; `now` is the ledger's clock.

/** The record to write at `now`: the one before, or a new one of `mail`, which may be a whole record. */
export function mergeRecord(
  mail: MailIdentity,
  before: MailRecord | undefined,
  now: number,
): MailRecord {
  // What was fixed before the first attempt stays, even if the configuration has changed since.
  if (before !== undefined) return { ...before, updatedAt: now }
  return {
    eventIds: mail.eventIds,
    events: mail.events,
    recipient: mail.recipient,
    from: mail.from,
    messageId: mail.messageId,
    template: mail.template,
    conversionId: mail.conversionId,
    runId: mail.runId,
    origin: mail.origin,
    state: 'deferred',
    attempts: 0,
    reply: '',
    firstAttemptAt: now,
    updatedAt: now,
  }
}

/** An attempt that `holder` begins. */
export function begunBy(holder: string, record: MailRecord): MailRecord {
  return { ...record, state: 'attempting', holder, reply: '', nextAttemptAt: undefined }
}

export function settled(record: MailRecord, settlement: Settlement): MailRecord {
  const { state, reply } = settlement
  const counted = state === 'accepted' || (settlement.countsAsAttempt ?? true)
  const waits =
    (state === 'deferred' || state === 'unknown') &&
    (counted || (settlement.nextAttemptAt ?? 0) > record.updatedAt)
  // A decision not to send an unknown mail again does not count as an attempt.
  const isUnconfirmed =
    state !== 'accepted' && (settlement.unconfirmed ?? (state === 'unknown' && counted))
  return {
    ...record,
    ...(isUnconfirmed ? withUnconfirmed(record) : {}),
    ...(waits ? { parkedSince: record.parkedSince ?? record.updatedAt } : {}),
    ...('withoutPreview' in settlement && settlement.withoutPreview
      ? { withoutPreview: true }
      : {}),
    history: withNote(record, { state, reply, counted }),
    state,
    attempts: record.attempts + (counted ? 1 : 0),
    // An attempt that an outage prevented does not count: the age begins with the first that does.
    firstAttemptAt: counted && record.attempts === 0 ? record.updatedAt : record.firstAttemptAt,
    reply,
    nextAttemptAt: 'nextAttemptAt' in settlement ? settlement.nextAttemptAt : undefined,
  }
}

/** An attempt whose holder is gone before it recorded how it ended. */
export function interrupted(record: MailRecord): MailRecord {
  const reply = 'the notifier ended before the reply came'
  return {
    ...record,
    ...withUnconfirmed(record),
    history: withNote(record, { state: 'unknown', reply, counted: true }),
    state: 'unknown',
    attempts: record.attempts + 1,
    reply,
    nextAttemptAt: 0,
  }
}

/** A failed mail that is tried again, attempts and age counted from now. */
export function reopened(record: MailRecord, replay: string, now: number): MailRecord {
  return {
    ...record,
    state: 'deferred',
    attempts: 0,
    firstAttemptAt: now,
    updatedAt: now,
    nextAttemptAt: now,
    deadLetteredAt: undefined,
    parkedSince: undefined,
    deferredSince: undefined,
    unconfirmed: undefined,
    replay,
  }
}

export function isFinal({ state, nextAttemptAt }: MailRecord): boolean {
  return (
    state === 'accepted' ||
    state === 'failed' ||
    (state === 'unknown' && nextAttemptAt === undefined)
  )
}

/** Whether it is being attempted, which only its holder may change, or settled. */
export function isTaken({ state }: MailRecord): boolean {
  return state === 'attempting' || state === 'accepted' || state === 'failed'
}

/** The body was sent and no reply to it came. */
function withUnconfirmed({ unconfirmed = 0 }: MailRecord) {
  return { unconfirmed: unconfirmed + 1, possiblyDelivered: true } as const
}

type Note = Omit<NonNullable<MailRecord['history']>[number], 'at'>

function withNote({ history = [], updatedAt: at }: MailRecord, note: Note) {
  return [...history, { at, ...note }].slice(-maxHistory)
}
