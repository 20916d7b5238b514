import { RetryLater } from '@herald/broker'
import type { DeadLetterPublisher } from './dead-letters/publisher.js'
import {
  countedAttempts,
  type Decision,
  decide,
  outageRetryMs,
  type SettlePolicy,
} from './decide.js'
import type { Ledger } from './ledger/ledger.js'
import { type MailRecord, positionOf, type Settlement } from './ledger/mail-record.js'
import type { NotifierMetrics } from './metrics.js'
import type { Outage } from './outage.js'
import type { SendResult } from './send-result.js'
import type { ServerHealth } from './server-health.js'
import type { Task } from './task.js'
import { withoutAddresses } from './without-addresses.js'

export interface SettleParts {
  readonly ledger: Ledger
  readonly deadLetters: DeadLetterPublisher
  readonly outage: Outage
  /** One for all attempts of the program. */
  readonly health: ServerHealth
  readonly metrics: NotifierMetrics
}

/**
 * Carries out what is decided about a mail (decide.ts), the ledger first. Each resolves if the
 * mail's events may be acknowledged, and rejects with RetryLater if they are to be delivered again:
 * that is how a handler answers the broker's lanes and the deferred loop.
 */
export interface Settle {
  /** After an attempt. */
  recordResult(task: Task, result: SendResult, attempt: EndedAttempt): Promise<void>
  /** No attempt is to be made, or no further one: the mail has failed. */
  recordFailure(task: Task, reason: string): Promise<void>
  /** Publishes the events of a failed mail to the dead letters. */
  publishDeadLetters(task: Task, record: MailRecord): Promise<void>
  /** An attempt was begun, and nothing was sent. */
  recordNotSent(task: Task, reply: string): Promise<void>
  /** The mail may have been delivered and is not sent again. */
  recordUnknown(task: Task, reply: string): Promise<void>
}

export interface EndedAttempt {
  /** Of ServerHealth. */
  readonly number: number
  /** The ledger has the mail as being attempted by this process. */
  readonly begun: boolean
}

export function createSettle(policy: SettlePolicy, parts: SettleParts): Settle {
  const { ledger, deadLetters, outage, health, metrics } = parts

  async function recordResult(task: Task, result: SendResult, { number, begun }: EndedAttempt) {
    const { record, received, mail, logger } = task
    if (result.kind !== 'postponed') metrics.attempts.inc({ outcome: result.kind })
    const isServerFailure = result.kind === 'possibleServerFailure'
    const scope = isServerFailure
      ? health.recordServerFailure(mail.messageId, number, result)
      : 'unclear'
    const facts = {
      ...{ record, begun, scope, now: ledger.now() },
      hasPreview: received.some(
        ({ event: { data } }) => 'preview' in data && data.preview !== null,
      ),
      serverFailures: health.failuresOf(mail.messageId),
      acceptedSince: health.acceptedSince(number),
    }
    const decision = decide(result, facts, policy)
    const isAboutMail = !isServerFailure && decision.action !== 'wait'
    if (isAboutMail || decision.action === 'fail') health.forget(mail.messageId)
    await carryOut(task, decision)
    if (decision.action !== 'accept') return
    health.recordAccepted(number)
    outage.accepted()
    for (const { envelope } of received) {
      metrics.latency.observe(Math.max(0, ledger.now() - envelope.time.getTime()) / 1000)
    }
    logger.info({ attempts: countedAttempts(record) }, 'delivered')
  }

  async function carryOut(task: Task, decision: Decision): Promise<void> {
    const { ref, mail, logger } = task
    const { reply } = decision
    const write = (settlement: Settlement) => ledger.settle(ref, mail, settlement)
    const logged = { reply: withoutAddresses(reply) }
    switch (decision.action) {
      case 'accept':
        await write({ state: 'accepted', reply })
        return
      case 'fail':
      case 'giveUp': {
        const { countsAsAttempt = true, unconfirmed = false } = decision
        // The ledger first: after a crash between the two, the mail must not be sent again.
        const record = await write({ state: 'failed', reply, countsAsAttempt, unconfirmed })
        return publishDeadLetters(task, record)
      }
      case 'leaveUnknown': {
        const { countsAsAttempt } = decision
        await write({ state: 'unknown', reply, nextAttemptAt: undefined, countsAsAttempt })
        logger.warn(logged, 'may have been delivered; not sent again (prefer-loss)')
        return
      }
      case 'retryWithoutPreview': {
        const nextAttemptAt = ledger.now()
        await write({ state: 'deferred', reply, nextAttemptAt, withoutPreview: true })
        logger.info('too large; will be sent without its preview')
        throw new RetryLater(0)
      }
      case 'retry': {
        const { state, waitMs } = decision
        await write({ state, reply, nextAttemptAt: ledger.now() + waitMs })
        logger.warn(
          { state, attempts: countedAttempts(task.record), waitMs, ...logged },
          'not delivered; will be tried again',
        )
        throw new RetryLater(waitMs, { soonerWhenCrowded: true })
      }
      case 'wait': {
        const { recordedWaitMs, waitMs, soonerWhenCrowded = false, warning } = decision
        if (recordedWaitMs !== undefined) {
          const nextAttemptAt = ledger.now() + recordedWaitMs
          await write({ state: 'deferred', reply, nextAttemptAt, countsAsAttempt: false })
        }
        if (decision.outage) outage.begin(decision.outage)
        if (warning) logger.warn({ waitMs, ...logged }, warning)
        throw new RetryLater(waitMs, { soonerWhenCrowded })
      }
    }
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
    publishDeadLetters,
    recordFailure: (task, reply) =>
      carryOut(task, { action: 'fail', reply, countsAsAttempt: false }),
    recordNotSent: (task, reply) =>
      carryOut(task, { action: 'wait', reply, waitMs: outageRetryMs, recordedWaitMs: 0 }),
    recordUnknown: (task, reply) =>
      carryOut(task, { action: 'leaveUnknown', reply, countsAsAttempt: false }),
  }
}
