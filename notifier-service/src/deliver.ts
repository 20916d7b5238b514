import { createHash } from 'node:crypto'
import { type Delivery, type DeliveryContext, type Handler, RetryLater } from '@herald/broker'
import type { Logger } from '@herald/runtime'
import { type AttemptParts, createAttempt, heldRetryMs } from './attempt.js'
import type { Channel } from './channel.js'
import { isReplayed } from './dead-letters/replay-mark.js'
import type { SettlePolicy } from './decide.js'
import { MailNotFree } from './ledger/mail-record.js'
import { laneOf, readTask, type Task } from './task.js'
import { withoutAddresses } from './without-addresses.js'

export interface DeliverPolicy extends SettlePolicy {
  /** How long a key is parked before its events are deferred in the ledger, in milliseconds. */
  readonly parkForMs: number
  /** Whether the events of one run become one mail. */
  readonly digests: boolean
}

export interface DeliverParts extends AttemptParts {
  readonly logger: Logger
  /** Called when a mail was put into a lane that may be due. */
  readonly nudge: () => void
}

/**
 * The handler that turns an event into a mail. It resolves, which acknowledges the event, once
 * the ledger has the mail's final state, or the event itself: gathered with the others of its run, or
 * deferred behind the others of its key.
 */
export function createDeliver(policy: DeliverPolicy, parts: DeliverParts): Handler {
  const { ledger, channel, deadLetters, metrics } = parts
  const attempt = createAttempt(policy, parts)

  return async function deliver(delivery, context) {
    context.signal.throwIfAborted()
    const task = await readTask(delivery, parts)
    if ('unreadable' in task) return publishUnreadable(delivery, task.unreadable)
    const lane = laneOf(delivery, task.ref.id)
    if (task.record?.lane !== undefined) return
    const run = policy.digests ? runToGather(task, channel) : undefined
    try {
      if (run === undefined) await attemptOrDefer(task, lane, context)
      else {
        // The partition may have been assigned to another notifier.
        context.signal.throwIfAborted()
        await gather(task, { delivery, lane, ...run })
      }
    } catch (error) {
      if (error instanceof MailNotFree) throw new RetryLater(heldRetryMs, { cause: error })
      throw error
    }
  }

  async function gather(
    { ref, mail, logger }: Task,
    gathered: { delivery: Delivery; lane: string; run: string; runSize: number },
  ): Promise<void> {
    if (await ledger.lanes.gather({ event: ref, mail, ...gathered })) parts.nudge()
    logger.debug('gathered with the others of its run')
  }

  async function attemptOrDefer(task: Task, lane: string, context: DeliveryContext) {
    if (isOpen(task) && (await ledger.lanes.has(lane))) {
      const behind = { nextAttemptAt: ledger.now(), behindOnly: true }
      if (await defer(task, lane, behind)) return
    }
    try {
      await attempt(task, context.signal)
    } catch (error) {
      if (!(error instanceof RetryLater && error.soonerWhenCrowded)) throw error
      await parkOrDefer(task, lane, error, context)
    }
  }

  /** Keeps the key parked, or defers the mail if that has lasted long enough or others need the room. */
  async function parkOrDefer(
    task: Task,
    lane: string,
    later: RetryLater,
    context: DeliveryContext,
  ) {
    const now = ledger.now()
    const parkedSince = (await ledger.find(task.ref))?.parkedSince ?? now
    // Later than now if the clock was set back.
    const leftMs = parkedSince > now ? 0 : parkedSince + policy.parkForMs - now
    if (leftMs > 0 && !context.crowded) {
      throw new RetryLater(Math.min(leftMs, later.retryAfterMs), { soonerWhenCrowded: true })
    }
    // The partition may have been assigned to another notifier.
    context.signal.throwIfAborted()
    await defer(task, lane, { nextAttemptAt: now + later.retryAfterMs, behindOnly: false })
  }

  /** Keeps the event in the lane of the ledger; resolves to whether it is kept there. */
  async function defer(
    { ref, mail, deliveries: [delivery], logger }: Task,
    lane: string,
    options: { nextAttemptAt: number; behindOnly: boolean },
  ): Promise<boolean> {
    if (delivery === undefined) return false
    const kept = await ledger.lanes.append(lane, { event: ref, mail, delivery }, options)
    if (kept) logger.info('deferred in the ledger; will be tried again')
    return kept
  }

  async function publishUnreadable(delivery: Delivery, reason: string): Promise<void> {
    await deadLetters.publish(delivery, { reason, attempts: 0 })
    metrics.deadLetters.inc()
    const { topic, position } = delivery
    parts.logger.warn(
      { topic, position, reason: withoutAddresses(reason) },
      'event cannot be decoded: published to the dead letters',
    )
  }
}

/** Whether a mail is still to be sent, and no process is sending it. */
function isOpen({ record, problem }: Task): boolean {
  if (problem !== undefined) return false
  if (record === undefined) return true
  const { state, nextAttemptAt } = record
  return state === 'deferred' || (state === 'unknown' && nextAttemptAt !== undefined)
}

/** The run to gather an event with, and its size (0: not known); undefined if it is sent alone. */
function runToGather(
  { problem, mail, record, received: [{ event }], deliveries }: Task,
  channel: Pick<Channel, 'name'>,
): { run: string; runSize: number } | undefined {
  const { runId, runSize } = event.data
  if (runId === '' || runSize === 1 || problem !== undefined) return undefined
  // A mail that was attempted is resent as it was.
  const isNew = record === undefined || (record.replay !== undefined && record.attempts === 0)
  if (!isNew) return undefined
  // A foreign key may be shared by several recipients, and none may see the others' files.
  const run = createHash('sha256')
    .update(JSON.stringify([runId, mail.recipient]))
    .digest('hex')
  // It is not known how many events of the run are replayed.
  const replayed = deliveries.some((delivery) => isReplayed(delivery, channel))
  return { run, runSize: replayed ? 0 : runSize }
}
