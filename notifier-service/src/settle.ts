import { RetryLater } from '@herald/broker'
import { type BackOff, backOffMs } from './back-off.js'
import type { DeadLetterPublisher } from './dead-letters/publisher.js'
import type { Ledger } from './ledger/ledger.js'
import { type MailRecord, positionOf } from './ledger/mail-record.js'
import type { NotifierMetrics } from './metrics.js'
import type { Outage } from './outage.js'
import type { PossibleServerFailure, SendResult } from './send-result.js'
import type { ServerHealth } from './server-health.js'
import type { Task } from './task.js'
import { withoutAddresses } from './without-addresses.js'

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

export interface SettleParts {
  readonly ledger: Ledger
  readonly deadLetters: DeadLetterPublisher
  readonly outage: Outage
  /** One for all attempts of the program. */
  readonly health: ServerHealth
  readonly metrics: NotifierMetrics
}

/**
 * Records in the ledger what is to become of a mail. Each resolves if its event may be
 * acknowledged, and throws RetryLater if it is to be delivered again.
 */
export interface Settle {
  /** After an attempt. */
  recordResult(task: Task, result: SendResult, attempt: EndedAttempt): Promise<void>
  /** No attempt is to be made, or no further one: the mail has failed. */
  recordFailure(task: Task, reason: string): Promise<void>
  /** Publishes the events of a failed mail to the dead letters. */
  publishDeadLetters(task: Task, record: MailRecord): Promise<void>
  /** An attempt was begun, and nothing was sent. */
  recordNotSent(task: Task, reply: string): Promise<never>
  /** The mail may have been delivered and is not sent again. */
  recordUnknown(task: Task, reply: string): Promise<void>
}

export interface EndedAttempt {
  /** Of ServerHealth. */
  readonly number: number
  /** The ledger has the mail as being attempted by this process. */
  readonly begun: boolean
}

/** Permanent refusals, with other mails accepted in between, after which a mail is given up. */
const maxRefusals = 3

/** The retry delay during an outage; intake is paused, which delays an event longer. */
export const outageRetryMs = 250

export function createSettle(policy: SettlePolicy, parts: SettleParts): Settle {
  const { ledger, deadLetters, outage, health, metrics } = parts

  async function recordResult(
    task: Task,
    result: SendResult,
    { number, begun }: EndedAttempt,
  ): Promise<void> {
    const { ref, mail, received, logger } = task
    const attempts = (task.record?.attempts ?? 0) + 1
    if (result.kind !== 'postponed') metrics.attempts.inc({ outcome: result.kind })
    if (!['possibleServerFailure', 'outage', 'postponed'].includes(result.kind))
      health.forget(mail.messageId)
    switch (result.kind) {
      case 'accepted':
        await ledger.settle(ref, mail, { state: 'accepted', reply: result.reply })
        health.recordAccepted(number)
        outage.accepted()
        for (const { envelope } of received) {
          metrics.latency.observe(Math.max(0, Date.now() - envelope.time.getTime()) / 1000)
        }
        logger.info({ attempts }, 'delivered')
        return
      case 'refused':
        return fail(task, result.reply)
      case 'possibleServerFailure':
        return recordServerFailure(task, result, number)
      case 'outage': {
        if (begun) await deferUncounted(task, result.reason, 0)
        // One connection could not be opened while others are in use.
        const othersAccepted =
          result.provenByProbe && !result.lasting && health.acceptedSince(number)
        if (othersAccepted) throw new RetryLater(backOffMs(policy.backOff, 1))
        outage.begin({ ...result, minWaitMs: result.retryAfterMs })
        throw new RetryLater(outageRetryMs)
      }
      case 'postponed':
        if (begun) await deferUncounted(task, result.reason, 0)
        throw new RetryLater(Math.max(outageRetryMs, result.retryAfterMs), {
          soonerWhenCrowded: true,
        })
      case 'unknown':
        if (policy.onUnknown === 'prefer-loss') return recordUnknown(task, result.reason, true)
        return retry(task, 'unknown', result.reason)
      case 'tooLarge':
        return retryWithoutPreview(task, result.reply)
      case 'deferred':
        return retry(task, 'deferred', result.reply, result.retryAfterMs)
    }
  }

  async function recordServerFailure(
    task: Task,
    failure: PossibleServerFailure,
    number: number,
  ): Promise<void> {
    const { mail, record, logger } = task
    const { reply, about, permanent, retryAfterMs = 0 } = failure
    const scope = health.recordServerFailure(mail.messageId, number, failure)
    if (scope === 'server') {
      await deferUncounted(task, reply, 0)
      outage.begin({ reason: reply, minWaitMs: retryAfterMs, lasting: !failure.unanswered })
      throw new RetryLater(outageRetryMs)
    }
    if (scope === 'mail' || about === 'mail') {
      const refusals = (record?.attempts ?? 0) + 1
      if (permanent && refusals >= maxRefusals) {
        health.forget(mail.messageId)
        return fail(task, reply)
      }
      return retry(task, 'deferred', reply, retryAfterMs)
    }
    const backOff = backOffMs(policy.backOff, health.failuresOf(mail.messageId))
    const waitMs = Math.max(retryAfterMs, backOff)
    await deferUncounted(task, reply, waitMs)
    logger.warn(
      { waitMs, reply: withoutAddresses(reply) },
      'refused; the server may refuse everything',
    )
    throw new RetryLater(waitMs, { soonerWhenCrowded: true })
  }

  /** Defers a mail for a reason that does not concern it: no attempt is counted. */
  function deferUncounted({ ref, mail }: Task, reply: string, waitMs: number): Promise<MailRecord> {
    const nextAttemptAt = ledger.now() + waitMs
    const deferred = { state: 'deferred', reply, nextAttemptAt, countsAsAttempt: false } as const
    return ledger.settle(ref, mail, deferred)
  }

  async function retryWithoutPreview(task: Task, reply: string): Promise<void> {
    const { ref, mail, received, record, logger } = task
    const hasPreview = received.some(
      ({ event }) => 'preview' in event.data && event.data.preview !== null,
    )
    if (!hasPreview || record?.withoutPreview) return fail(task, reply)
    await ledger.settle(ref, mail, {
      state: 'deferred',
      reply,
      nextAttemptAt: ledger.now(),
      withoutPreview: true,
    })
    logger.info('too large; will be sent without its preview')
    throw new RetryLater(0)
  }

  async function retry(
    task: Task,
    state: 'deferred' | 'unknown',
    reply: string,
    minWaitMs = 0,
  ): Promise<void> {
    const attempts = (task.record?.attempts ?? 0) + 1
    // Checked after an attempt only: a long outage must not use up a mail's time.
    const ageMs = attempts > 1 && task.record ? ledger.now() - task.record.firstAttemptAt : 0
    const unconfirmed = task.record?.unconfirmed ?? 0
    const resendsUsedUp = state === 'unknown' && unconfirmed >= policy.maxResends
    if (resendsUsedUp || attempts >= policy.maxAttempts || ageMs > policy.maxAgeMs) {
      const reason = `Given up after ${attempts} attempts; the last answer: ${reply}`
      return fail(task, reason, { unconfirmed: state === 'unknown' })
    }
    const waitMs = Math.max(minWaitMs, backOffMs(policy.backOff, attempts))
    await ledger.settle(task.ref, task.mail, {
      ...{ state, reply },
      nextAttemptAt: ledger.now() + waitMs,
    })
    task.logger.warn(
      { state, attempts, waitMs, reply: withoutAddresses(reply) },
      'not delivered; will be tried again',
    )
    throw new RetryLater(waitMs, { soonerWhenCrowded: true })
  }

  async function recordUnknown(task: Task, reply: string, countsAsAttempt: boolean): Promise<void> {
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
    options: { countsAsAttempt?: boolean; unconfirmed?: boolean } = {},
  ): Promise<void> {
    // The ledger first: after a crash between the two, the mail must not be sent again.
    const failed = { state: 'failed', reply: reason, ...options } as const
    await publishDeadLetters(task, await ledger.settle(task.ref, task.mail, failed))
  }

  async function publishDeadLetters(
    { deliveries, ref, logger }: Task,
    record: MailRecord,
  ): Promise<void> {
    const { reply: reason, attempts } = record
    for (const delivery of deliveries) await deadLetters.publish(delivery, { reason, attempts })
    await ledger.markDeadLettered(ref)
    metrics.deadLetters.inc(deliveries.length)
    for (const delivery of deliveries) {
      const { topic } = delivery
      logger.warn(
        { topic, position: positionOf(delivery), reason: withoutAddresses(reason) },
        'cannot be delivered: event published to the dead letters',
      )
    }
  }

  return {
    recordResult,
    recordFailure: (task, reason) => fail(task, reason, { countsAsAttempt: false }),
    publishDeadLetters,
    async recordNotSent(task, reply) {
      await deferUncounted(task, reply, 0)
      throw new RetryLater(outageRetryMs)
    },
    recordUnknown: (task, reply) => recordUnknown(task, reply, false),
  }
}
