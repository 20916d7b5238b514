import { type Delivery, RetryLater } from '@herald/broker'
import type { ReceivedEvent } from '@herald/broker/message'
import type { Logger } from '@herald/runtime'
import { type BackOff, backOffMs } from './back-off.js'
import type { DeadLetters } from './dead-letters.js'
import type { EventRef, Ledger, MailIdentity, MailRecord } from './ledger/ledger.js'
import type { NotifierMetrics } from './metrics.js'
import type { Outage } from './outage.js'
import type { SendOutcome } from './smtp/send-outcome.js'
import { createSuspects } from './suspects.js'
import { withoutAddresses } from './without-addresses.js'

/** One event on its way to becoming one mail. */
export interface Job {
  readonly delivery: Omit<Delivery, 'attempt'>
  readonly ref: EventRef
  readonly received: ReceivedEvent
  readonly mail: MailIdentity
  /** What the ledger knew when the event came; undefined for an event that is new. */
  readonly record: MailRecord | undefined
  readonly logger: Logger
}

export interface SettlePolicy {
  /** What to do about a mail that may have been delivered. */
  readonly onUnknown: 'prefer-duplicate' | 'prefer-loss'
  readonly maxAttempts: number
  /** How long a mail is tried, from the first attempt on, in milliseconds. */
  readonly maxAgeMs: number
  /** Waits after the server refused a mail for now. */
  readonly backOff: BackOff
}

export interface SettleParts {
  readonly ledger: Ledger
  readonly deadLetters: DeadLetters
  readonly outage: Outage
  readonly metrics: NotifierMetrics
}

/**
 * Ends an event's turn. Each resolves when the event may be acknowledged, and throws RetryLater
 * when it is to come again; the ledger holds which before that.
 */
export interface Settle {
  /** After an attempt; `begun`: the ledger holds the mail as being attempted by us. */
  outcome(job: Job, outcome: SendOutcome, begun: boolean): Promise<void>
  /** No attempt is to be made, or none any more. */
  failure(job: Job, reason: string): Promise<void>
  /** Puts the event of a failed mail to the dead letters. */
  bury(job: Job, record: MailRecord): Promise<void>
  /** Leaves a mail that may have been delivered at that. */
  uncertainty(job: Job, reply: string): Promise<void>
}

/** During an outage intake is paused, which holds an event longer than this. */
export const outageMs = 250

export function createSettle(policy: SettlePolicy, parts: SettleParts): Settle {
  const { ledger, deadLetters, outage, metrics } = parts
  const suspects = createSuspects()

  async function outcome(job: Job, outcome: SendOutcome, begun: boolean): Promise<void> {
    const { ref, mail, received, logger } = job
    const attempts = (job.record?.attempts ?? 0) + 1
    metrics.attempts.inc({ outcome: outcome.kind })
    if (outcome.kind !== 'outage') suspects.forget(mail.messageId)
    switch (outcome.kind) {
      case 'accepted':
        await ledger.settle(ref, mail, { state: 'accepted', reply: outcome.reply })
        outage.sent()
        suspects.sent()
        metrics.latency.observe(Math.max(0, Date.now() - received.envelope.time.getTime()) / 1000)
        logger.info({ attempts }, 'mail accepted')
        return
      case 'refused':
        return fail(job, outcome.reply, true)
      case 'outage':
        if (outcome.failure === 'server down' && suspects.accuse(mail.messageId)) {
          return retry(job, 'deferred', outcome.reason)
        }
        if (begun) {
          await ledger.settle(ref, mail, {
            state: 'deferred',
            reply: outcome.reason,
            nextAttemptAt: Date.now(),
            countsAsAttempt: false,
          })
        }
        outage.begin(outcome.reason)
        throw new RetryLater(outageMs)
      case 'unknown':
        if (policy.onUnknown === 'prefer-loss') return leave(job, outcome.reason, true)
        return retry(job, 'unknown', outcome.reason)
      case 'tooLarge':
        return resendSmaller(job, outcome.reply)
      case 'deferred':
        return retry(job, 'deferred', outcome.reply)
    }
  }

  async function resendSmaller(job: Job, reply: string): Promise<void> {
    const { ref, mail, received, record, logger } = job
    const hasPreview = 'preview' in received.event.data && received.event.data.preview !== null
    if (!hasPreview || record?.withoutPreview) return fail(job, reply, true)
    await ledger.settle(ref, mail, {
      state: 'deferred',
      reply,
      nextAttemptAt: Date.now(),
      withoutPreview: true,
    })
    logger.info('too large for the mail server; to be sent without its preview')
    throw new RetryLater(0)
  }

  async function retry(job: Job, state: 'deferred' | 'unknown', reply: string): Promise<void> {
    const attempts = (job.record?.attempts ?? 0) + 1
    // Asked after an attempt, never before one: an outage that lasted must not cost a mail its turn.
    const ageMs = job.record ? Date.now() - job.record.firstAttemptAt : 0
    if (attempts >= policy.maxAttempts || ageMs > policy.maxAgeMs) {
      return fail(job, `Given up after ${attempts} attempts; the last answer: ${reply}`, true)
    }
    const waitMs = backOffMs(policy.backOff, attempts)
    await ledger.settle(job.ref, job.mail, { state, reply, nextAttemptAt: Date.now() + waitMs })
    job.logger.warn(
      { state, attempts, waitMs, reply: withoutAddresses(reply) },
      'mail not accepted; to be tried again',
    )
    throw new RetryLater(waitMs, { soonerWhenCrowded: true })
  }

  async function leave(job: Job, reply: string, countsAsAttempt: boolean): Promise<void> {
    await ledger.settle(job.ref, job.mail, {
      state: 'unknown',
      reply,
      nextAttemptAt: undefined,
      countsAsAttempt,
    })
    job.logger.warn(
      { reply: withoutAddresses(reply) },
      'mail may have been delivered; not sent again (prefer-loss)',
    )
  }

  async function fail(job: Job, reason: string, countsAsAttempt: boolean): Promise<void> {
    // First the ledger: were the dead letter first, a crash in between would send the mail again.
    const failed = { state: 'failed', reply: reason, countsAsAttempt } as const
    await bury(job, await ledger.settle(job.ref, job.mail, failed))
  }

  async function bury({ delivery, ref, logger }: Job, record: MailRecord): Promise<void> {
    await deadLetters.bury(delivery, { reason: record.reply, attempts: record.attempts })
    await ledger.deadLettered(ref)
    metrics.deadLetters.inc()
    const { topic, partition, offset } = delivery
    logger.warn(
      { topic, partition, offset, reason: withoutAddresses(record.reply) },
      'mail can never be delivered: event put to the dead letters',
    )
  }

  return {
    outcome,
    failure: (job, reason) => fail(job, reason, false),
    bury,
    uncertainty: (job, reply) => leave(job, reply, false),
  }
}
