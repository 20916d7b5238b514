import { type Delivery, type DeliveryContext, type Handler, RetryLater } from '@herald/broker'
import type { Logger } from '@herald/runtime'
import { type AttemptParts, createAttempt, heldMs } from './attempt.js'
import { runToGather } from './digest.js'
import { MailNotFree } from './ledger/mail-record.js'
import type { SettlePolicy } from './settle.js'
import { laneOf, readTask, type Task } from './task.js'
import { withoutAddresses } from './without-addresses.js'

export interface DeliverPolicy extends SettlePolicy {
  /** How long a key is parked before its events are put aside in the ledger, in milliseconds. */
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
 * the ledger holds an outcome that lasts: the mail's final state, or the event itself, gathered
 * with the others of its run, or put aside behind the others of its key until its mailbox takes
 * mail again.
 */
export function createDeliver(policy: DeliverPolicy, parts: DeliverParts): Handler {
  const { ledger, channel, deadLetters, metrics } = parts
  const attempt = createAttempt(policy, parts)

  return async function deliver(delivery, context) {
    context.signal.throwIfAborted()
    const task = await readTask(delivery, parts)
    if ('unreadable' in task) return buryUnread(delivery, task.unreadable)
    const lane = laneOf(delivery, task.ref.id)
    if (task.record?.lane !== undefined) return
    const run = policy.digests ? runToGather(task, channel) : undefined
    try {
      if (run !== undefined) {
        // The notifier that has the partition now gathers it in its own ledger.
        context.signal.throwIfAborted()
        return await gather(task, { delivery, lane, ...run })
      }
      if (isOpen(task) && (await ledger.lanes.has(lane))) {
        const behind = { nextAttemptAt: Date.now(), behindOnly: true }
        if (await putAside(task, lane, behind)) return
      }
      await attempt(task, context.signal)
    } catch (error) {
      if (error instanceof MailNotFree) throw new RetryLater(heldMs, { cause: error })
      if (!(error instanceof RetryLater && error.soonerWhenCrowded)) throw error
      await parkOrPutAside(task, lane, error, context)
    }
  }

  async function gather(
    { ref, mail, logger }: Task,
    place: { delivery: Delivery; lane: string; run: string; runSize: number },
  ): Promise<void> {
    if (await ledger.lanes.gather({ event: ref, mail, ...place })) parts.nudge()
    logger.debug('gathered with the others of its run')
  }

  /** Keeps the key parked, or puts the mail aside if that has lasted long enough or others need the room. */
  async function parkOrPutAside(
    task: Task,
    lane: string,
    later: RetryLater,
    context: DeliveryContext,
  ) {
    const now = Date.now()
    const parkedSince = (await ledger.find(task.ref))?.parkedSince ?? now
    // Of the future if the clock was set back.
    const leftMs = parkedSince > now ? 0 : parkedSince + policy.parkForMs - now
    if (leftMs > 0 && !context.crowded) {
      throw new RetryLater(Math.min(leftMs, later.retryAfterMs), { soonerWhenCrowded: true })
    }
    // The notifier that has the partition now decides.
    context.signal.throwIfAborted()
    const at = { nextAttemptAt: now + later.retryAfterMs, behindOnly: false }
    try {
      await putAside(task, lane, at)
    } catch (error) {
      if (error instanceof MailNotFree) throw new RetryLater(heldMs, { cause: error })
      throw error
    }
  }

  async function putAside(
    { ref, mail, deliveries: [delivery], logger }: Task,
    lane: string,
    options: { nextAttemptAt: number; behindOnly: boolean },
  ): Promise<boolean> {
    if (delivery === undefined) return false
    const kept = await ledger.lanes.append(lane, { event: ref, mail, delivery }, options)
    if (kept) logger.info('put aside; to be tried again later')
    return kept
  }

  async function buryUnread(delivery: Delivery, reason: string): Promise<void> {
    await deadLetters.publish(delivery, { reason, attempts: 0 })
    metrics.deadLetters.inc()
    const { topic, partition, offset } = delivery
    parts.logger.warn(
      { topic, partition, offset, reason: withoutAddresses(reason) },
      'not an event that can be read: put to the dead letters',
    )
  }
}

/** Whether a mail is yet to be sent, and no process is sending it. */
function isOpen({ record, fault }: Task): boolean {
  if (fault !== undefined) return false
  if (record === undefined) return true
  const { state, nextAttemptAt } = record
  return state === 'deferred' || (state === 'unknown' && nextAttemptAt !== undefined)
}
