import { RetryLater } from '@herald/broker'
import { type BackOff, backOffMs } from './back-off.js'
import type { DeadLetterPublisher } from './dead-letters/publisher.js'
import type { Ledger } from './ledger/ledger.js'
import type { MailRecord } from './ledger/mail-record.js'
import type { NotifierMetrics } from './metrics.js'
import type { Outage } from './outage.js'
import type { SendOutcome, Suspect } from './send-outcome.js'
import type { ServerHealth } from './server-health.js'
import type { Task } from './task.js'
import { withoutAddresses } from './without-addresses.js'

export interface SettlePolicy {
  /** What to do about a mail that may have been delivered. */
  readonly onUnknown: 'prefer-duplicate' | 'prefer-loss'
  readonly maxAttempts: number
  /** How often a mail is sent again because no reply to its body came. */
  readonly maxResends: number
  /** How long a mail is tried, from the first attempt on, in milliseconds. */
  readonly maxAgeMs: number
  /** Waits after the server refused a mail for now. */
  readonly backOff: BackOff
}

export interface SettleParts {
  readonly ledger: Ledger
  readonly deadLetters: DeadLetterPublisher
  readonly outage: Outage
  /** One for all attempts of the program. */
  readonly health: ServerHealth
  readonly metrics: NotifierMetrics
}

/**
 * Ends a mail's turn. Each resolves when its event may be acknowledged, and throws RetryLater
 * when it is to come again; the ledger holds which before that.
 */
export interface Settle {
  /** After an attempt. */
  outcome(task: Task, outcome: SendOutcome, attempt: EndedAttempt): Promise<void>
  /** No attempt is to be made, or none any more. */
  failure(task: Task, reason: string): Promise<void>
  /** Puts the events of a failed mail to the dead letters. */
  bury(task: Task, record: MailRecord): Promise<void>
  /** Leaves a mail that may have been delivered at that. */
  uncertainty(task: Task, reply: string): Promise<void>
}

export interface EndedAttempt {
  /** Of ServerHealth. */
  readonly number: number
  /** The ledger holds the mail as being attempted by this process. */
  readonly begun: boolean
}

/** Refusals for good, with other mails accepted in between, after which a mail is given up. */
const maxRefusals = 3

/** During an outage intake is paused, which holds an event longer than this. */
export const outageMs = 250

export function createSettle(policy: SettlePolicy, parts: SettleParts): Settle {
  const { ledger, deadLetters, outage, health, metrics } = parts

  async function outcome(
    task: Task,
    outcome: SendOutcome,
    { number, begun }: EndedAttempt,
  ): Promise<void> {
    const { ref, mail, received, logger } = task
    const attempts = (task.record?.attempts ?? 0) + 1
    if (outcome.kind !== 'postponed') metrics.attempts.inc({ outcome: outcome.kind })
    if (!['suspect', 'outage', 'postponed'].includes(outcome.kind)) health.forget(mail.messageId)
    switch (outcome.kind) {
      case 'accepted':
        await ledger.settle(ref, mail, { state: 'accepted', reply: outcome.reply })
        health.accepted(number)
        outage.accepted()
        for (const { envelope } of received) {
          metrics.latency.observe(Math.max(0, Date.now() - envelope.time.getTime()) / 1000)
        }
        logger.info({ attempts }, 'delivered')
        return
      case 'refused':
        return fail(task, outcome.reply)
      case 'suspect':
        return suspect(task, outcome, number)
      case 'outage': {
        if (begun) await notCounted(task, outcome.reason, 0)
        // One connection that could not be opened, while the others are in use.
        const oneOfMany = outcome.seenByProbe && !outcome.lasting && health.acceptedSince(number)
        if (oneOfMany) throw new RetryLater(backOffMs(policy.backOff, 1))
        outage.begin({ ...outcome, leastMs: outcome.retryAfterMs })
        throw new RetryLater(outageMs)
      }
      case 'postponed':
        throw new RetryLater(Math.max(outageMs, outcome.retryAfterMs), { soonerWhenCrowded: true })
      case 'unknown':
        if (policy.onUnknown === 'prefer-loss') return leave(task, outcome.reason, true)
        return retry(task, 'unknown', outcome.reason)
      case 'tooLarge':
        return resendSmaller(task, outcome.reply)
      case 'deferred':
        return retry(task, 'deferred', outcome.reply, outcome.retryAfterMs)
    }
  }

  async function suspect(task: Task, refusal: Suspect, number: number): Promise<void> {
    const { mail, record, logger } = task
    const { reply, about, permanent, retryAfterMs = 0 } = refusal
    const verdict = health.judge(mail.messageId, number, refusal)
    if (verdict === 'server') {
      await notCounted(task, reply, 0)
      outage.begin({ reason: reply, leastMs: retryAfterMs, lasting: !refusal.unanswered })
      throw new RetryLater(outageMs)
    }
    if (verdict === 'mail' || about === 'mail') {
      const refusals = (record?.attempts ?? 0) + 1
      if (permanent && refusals >= maxRefusals) {
        health.forget(mail.messageId)
        return fail(task, reply)
      }
      return retry(task, 'deferred', reply, retryAfterMs)
    }
    const backOff = backOffMs(policy.backOff, health.times(mail.messageId))
    const waitMs = Math.max(retryAfterMs, backOff)
    await notCounted(task, reply, waitMs)
    logger.warn({ waitMs, reply: withoutAddresses(reply) }, 'refused, perhaps as all are')
    throw new RetryLater(waitMs, { soonerWhenCrowded: true })
  }

  /** The mail has not been sent, and that is not its fault. */
  function notCounted({ ref, mail }: Task, reply: string, waitMs: number): Promise<MailRecord> {
    const nextAttemptAt = Date.now() + waitMs
    const deferred = { state: 'deferred', reply, nextAttemptAt, countsAsAttempt: false } as const
    return ledger.settle(ref, mail, deferred)
  }

  async function resendSmaller(task: Task, reply: string): Promise<void> {
    const { ref, mail, received, record, logger } = task
    const hasPreview = received.some(
      ({ event }) => 'preview' in event.data && event.data.preview !== null,
    )
    if (!hasPreview || record?.withoutPreview) return fail(task, reply)
    await ledger.settle(ref, mail, {
      state: 'deferred',
      reply,
      nextAttemptAt: Date.now(),
      withoutPreview: true,
    })
    logger.info('too large; to be sent without its preview')
    throw new RetryLater(0)
  }

  async function retry(
    task: Task,
    state: 'deferred' | 'unknown',
    reply: string,
    leastMs = 0,
  ): Promise<void> {
    const attempts = (task.record?.attempts ?? 0) + 1
    // Asked after an attempt, never before one: an outage that lasted must not cost a mail its turn.
    const ageMs = attempts > 1 && task.record ? Date.now() - task.record.firstAttemptAt : 0
    const unconfirmed = task.record?.unconfirmed ?? 0
    const usedUp = state === 'unknown' && unconfirmed >= policy.maxResends
    if (usedUp || attempts >= policy.maxAttempts || ageMs > policy.maxAgeMs) {
      const reason = `Given up after ${attempts} attempts; the last answer: ${reply}`
      return fail(task, reason, { unconfirmed: state === 'unknown' })
    }
    const waitMs = Math.max(leastMs, backOffMs(policy.backOff, attempts))
    await ledger.settle(task.ref, task.mail, { state, reply, nextAttemptAt: Date.now() + waitMs })
    task.logger.warn(
      { state, attempts, waitMs, reply: withoutAddresses(reply) },
      'not delivered; to be tried again',
    )
    throw new RetryLater(waitMs, { soonerWhenCrowded: true })
  }

  async function leave(task: Task, reply: string, countsAsAttempt: boolean): Promise<void> {
    await ledger.settle(task.ref, task.mail, {
      state: 'unknown',
      reply,
      nextAttemptAt: undefined,
      countsAsAttempt,
    })
    task.logger.warn(
      { reply: withoutAddresses(reply) },
      'may have been delivered; not sent again (prefer-loss)',
    )
  }

  async function fail(
    task: Task,
    reason: string,
    noted: { countsAsAttempt?: boolean; unconfirmed?: boolean } = {},
  ): Promise<void> {
    // First the ledger: were the dead letter first, a crash in between would send the mail again.
    const failed = { state: 'failed', reply: reason, ...noted } as const
    await bury(task, await ledger.settle(task.ref, task.mail, failed))
  }

  async function bury({ deliveries, ref, logger }: Task, record: MailRecord): Promise<void> {
    const { reply: reason, attempts } = record
    for (const delivery of deliveries) await deadLetters.publish(delivery, { reason, attempts })
    await ledger.markDeadLettered(ref)
    metrics.deadLetters.inc(deliveries.length)
    for (const { topic, partition, offset } of deliveries) {
      logger.warn(
        { topic, partition, offset, reason: withoutAddresses(reason) },
        'cannot be delivered: event put to the dead letters',
      )
    }
  }

  return {
    outcome,
    failure: (task, reason) => fail(task, reason, { countsAsAttempt: false }),
    bury,
    uncertainty: (task, reply) => leave(task, reply, false),
  }
}
