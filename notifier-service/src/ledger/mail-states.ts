import type { ProcessIdentity } from '@herald/runtime'
import { type MailIdentity, type MailRecord, maxHistory, type Settlement } from './ledger.js'

// How records change. Pure functions: nothing here touches the store.

/** The record of a mail that is touched now: the one there was, or a new one. */
export function fresh(mail: MailIdentity, before: MailRecord | undefined): MailRecord {
  const now = Date.now()
  return {
    ...before,
    // What was settled at the first attempt stays, also when the configuration changed since.
    eventIds: before?.eventIds ?? mail.eventIds,
    events: before?.events ?? mail.events,
    recipient: before?.recipient ?? mail.recipient,
    from: before?.from ?? mail.from,
    messageId: before?.messageId ?? mail.messageId,
    template: before?.template ?? mail.template,
    conversionId: before?.conversionId ?? mail.conversionId,
    runId: before?.runId ?? mail.runId,
    origin: before?.origin ?? mail.origin,
    state: before?.state ?? 'deferred',
    attempts: before?.attempts ?? 0,
    holder: before?.holder,
    reply: before?.reply ?? '',
    firstAttemptAt: before?.firstAttemptAt ?? now,
    updatedAt: now,
    nextAttemptAt: before?.nextAttemptAt,
    deadLetteredAt: before?.deadLetteredAt,
  }
}

/** An attempt that `holder` makes now. */
export function begunBy(holder: ProcessIdentity, record: MailRecord): MailRecord {
  return { ...record, state: 'attempting', holder, reply: '', nextAttemptAt: undefined }
}

export function settled(record: MailRecord, settlement: Settlement): MailRecord {
  const { state, reply } = settlement
  const counted = state === 'accepted' || (settlement.countsAsAttempt ?? true)
  const note = { at: record.updatedAt, state, reply, counted }
  const waits =
    (state === 'deferred' || state === 'unknown') &&
    (counted || (settlement.nextAttemptAt ?? 0) > record.updatedAt)
  // A decision not to send an unknown mail again does not count as an attempt.
  const isUnconfirmed =
    state !== 'accepted' && (settlement.unconfirmed ?? (state === 'unknown' && counted))
  return {
    ...record,
    ...(isUnconfirmed ? withoutReply(record) : {}),
    ...(waits ? { parkedSince: record.parkedSince ?? record.updatedAt } : {}),
    ...('withoutPreview' in settlement && settlement.withoutPreview
      ? { withoutPreview: true }
      : {}),
    history: [...(record.history ?? []), note].slice(-maxHistory),
    state,
    attempts: record.attempts + (counted ? 1 : 0),
    // What an outage held up was not tried yet: its age begins with the first attempt that counts.
    firstAttemptAt: counted && record.attempts === 0 ? record.updatedAt : record.firstAttemptAt,
    reply,
    nextAttemptAt: 'nextAttemptAt' in settlement ? settlement.nextAttemptAt : undefined,
  }
}

export function isFinal({ state, nextAttemptAt }: MailRecord): boolean {
  return (
    state === 'accepted' ||
    state === 'failed' ||
    (state === 'unknown' && nextAttemptAt === undefined)
  )
}

/** Only its holder may change it, or nobody any more. */
export function isTaken({ state }: MailRecord): boolean {
  return state === 'attempting' || state === 'accepted' || state === 'failed'
}

/** The body went out and no reply to it came. */
function withoutReply({ unconfirmed = 0 }: MailRecord) {
  return { unconfirmed: unconfirmed + 1, possiblyDelivered: true } as const
}

/** An attempt whose process ended before it knew how it went. */
export function cutShort(record: MailRecord): MailRecord {
  const reply = 'the notifier ended before the reply came'
  const note = { at: record.updatedAt, state: 'unknown', reply, counted: true } as const
  return {
    ...record,
    ...withoutReply(record),
    state: 'unknown',
    reply,
    history: [...(record.history ?? []), note].slice(-maxHistory),
    attempts: record.attempts + 1,
    nextAttemptAt: 0,
  }
}

/** A failed mail that is tried afresh, attempts and age counted from now. */
export function reopenedRecord(record: MailRecord, replay: string): MailRecord {
  const now = Date.now()
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
