import { type BackOff, backOffMs } from './back-off.js'
import type { MailRecord } from './ledger/mail-record.js'
import type { OutageCause } from './outage.js'
import type { PossibleServerFailure, SendResult } from './send-result.js'
import type { FailureScope } from './server-health.js'

export interface SettlePolicy {
  /** What to do about a mail that may have been delivered. */
  readonly onUnknown: 'prefer-duplicate' | 'prefer-loss'
  readonly maxAttempts: number
  /** How often a mail is resent because no reply to its body came. */
  readonly maxResends: number
  /** How long a mail is retried after its first attempt, in milliseconds. */
  readonly maxAgeMs: number
  /** Waits after a temporary refusal. */
  readonly backOff: BackOff
}

/** What is known when an attempt has ended. */
export interface AttemptFacts {
  /** The mail's record before the attempt; undefined for a new event. */
  readonly record: MailRecord | undefined
  /** The ledger has the mail as being attempted by this process. */
  readonly begun: boolean
  readonly hasPreview: boolean
  /** Whether a mail was accepted whose attempt began after this one. */
  readonly acceptedSince: boolean
  /** For a possible server failure: what it is about. */
  readonly scope: FailureScope
  /** How many possible server failures in a row the mail has had, this one included. */
  readonly serverFailures: number
  /** The ledger's time. */
  readonly now: number
}

/** What happens to a mail after an attempt. `reply` is what the ledger keeps. */
export type Decision =
  | { readonly action: 'accept'; readonly reply: string }
  /**
   * Publish its events to the dead letters. `fail`: a reply about the mail is final. `giveUp`: its
   * attempts or its time are used up, which shows nothing about the mail.
   */
  | {
      readonly action: 'fail' | 'giveUp'
      readonly reply: string
      readonly countsAsAttempt?: boolean
      readonly unconfirmed?: boolean
    }
  /** It may have been delivered and is not sent again. */
  | { readonly action: 'leaveUnknown'; readonly reply: string; readonly countsAsAttempt: boolean }
  | { readonly action: 'retryWithoutPreview'; readonly reply: string }
  /** Try again later because of this mail: the attempt counts. */
  | {
      readonly action: 'retry'
      readonly state: 'deferred' | 'unknown'
      readonly reply: string
      readonly waitMs: number
    }
  /** Try again later for a reason that does not concern this mail: the attempt does not count. */
  | {
      readonly action: 'wait'
      readonly reply: string
      readonly waitMs: number
      /** The wait that the ledger keeps; undefined: its record stays as it is. */
      readonly recordedWaitMs: number | undefined
      /** As in RetryLater. */
      readonly soonerWhenCrowded?: boolean
      /** Begins an outage, or prolongs it. */
      readonly outage?: OutageCause
      /** To be logged. */
      readonly warning?: string
    }

/** Permanent refusals, with other mails accepted in between, after which a mail is given up. */
const maxRefusals = 3

/** The retry delay during an outage; intake is paused, which delays an event longer. */
export const outageRetryMs = 250

/** Decides what happens to a mail. Without side effects; back-offs are random. */
export function decide(result: SendResult, facts: AttemptFacts, policy: SettlePolicy): Decision {
  const { record, begun, hasPreview, acceptedSince } = facts
  const recordedWaitMs = begun ? 0 : undefined
  switch (result.kind) {
    case 'accepted':
      return { action: 'accept', reply: result.reply }
    case 'refused':
      return { action: 'fail', reply: result.reply }
    case 'tooLarge':
      return hasPreview && !record?.withoutPreview
        ? { action: 'retryWithoutPreview', reply: result.reply }
        : { action: 'fail', reply: result.reply }
    case 'deferred':
      return retryOrFail('deferred', result, facts, policy)
    case 'unknown':
      return policy.onUnknown === 'prefer-loss'
        ? { action: 'leaveUnknown', reply: result.reason, countsAsAttempt: true }
        : retryOrFail('unknown', { reply: result.reason }, facts, policy)
    case 'postponed': {
      const waitMs = Math.max(outageRetryMs, result.retryAfterMs)
      const soonerWhenCrowded = true
      return { action: 'wait', reply: result.reason, waitMs, recordedWaitMs, soonerWhenCrowded }
    }
    case 'outage': {
      const wait = { action: 'wait', reply: result.reason, recordedWaitMs } as const
      // One connection could not be opened while others are in use.
      const othersAccepted = result.provenByProbe && !result.lasting && acceptedSince
      if (othersAccepted) return { ...wait, waitMs: backOffMs(policy.backOff, 1) }
      const outage = { ...result, minWaitMs: result.retryAfterMs }
      return { ...wait, waitMs: outageRetryMs, outage }
    }
    case 'possibleServerFailure':
      return decideByScope(result, facts, policy)
  }
}

function decideByScope(
  failure: PossibleServerFailure,
  facts: AttemptFacts,
  policy: SettlePolicy,
): Decision {
  const { reply, about, permanent, unanswered, retryAfterMs = 0 } = failure
  const { record, scope, serverFailures } = facts
  if (scope === 'server') {
    const outage = { reason: reply, minWaitMs: retryAfterMs, lasting: !unanswered }
    return { action: 'wait', reply, waitMs: outageRetryMs, recordedWaitMs: 0, outage }
  }
  if (scope === 'mail' || about === 'mail') {
    if (permanent && countedAttempts(record) >= maxRefusals) return { action: 'fail', reply }
    return retryOrFail('deferred', failure, facts, policy)
  }
  const waitMs = Math.max(retryAfterMs, backOffMs(policy.backOff, serverFailures))
  return {
    ...{ action: 'wait', reply, waitMs, recordedWaitMs: waitMs, soonerWhenCrowded: true },
    warning: 'refused; the server may refuse everything',
  }
}

function retryOrFail(
  state: 'deferred' | 'unknown',
  { reply, retryAfterMs = 0 }: { reply: string; retryAfterMs?: number | undefined },
  { record, now }: AttemptFacts,
  policy: SettlePolicy,
): Decision {
  const attempts = countedAttempts(record)
  // Checked after an attempt only: a long outage must not use up a mail's time.
  const ageMs = attempts > 1 && record ? now - record.firstAttemptAt : 0
  const resendsUsedUp = state === 'unknown' && (record?.unconfirmed ?? 0) >= policy.maxResends
  if (resendsUsedUp || attempts >= policy.maxAttempts || ageMs > policy.maxAgeMs) {
    const reason = `Given up after ${attempts} attempts; the last answer: ${reply}`
    return { action: 'giveUp', reply: reason, unconfirmed: state === 'unknown' }
  }
  const waitMs = Math.max(retryAfterMs, backOffMs(policy.backOff, attempts))
  return { action: 'retry', state, reply, waitMs }
}

/** The attempts of the mail, the one that has just ended included. */
export function countedAttempts(record: MailRecord | undefined): number {
  return (record?.attempts ?? 0) + 1
}
