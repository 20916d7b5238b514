import { RetryLater } from '@herald/broker'
import { NotHeld } from './before-body.js'
import type { Channel } from './channel.js'
import { outageRetryMs, type SettlePolicy } from './decide.js'
import { MailNotFree, type MailRecord } from './ledger/mail-record.js'
import type { SendResult } from './send-result.js'
import { createSettle, type SettleParts } from './settle.js'
import type { Task } from './task.js'

export interface AttemptParts extends SettleParts {
  readonly channel: Channel
}

/**
 * One attempt to send a mail, if it is time for one. Resolves once the ledger has its final state:
 * accepted, failed and among the dead letters, or unknown if loss is preferred to a duplicate.
 * Rejects with RetryLater if it has none yet; `soonerWhenCrowded` if the mail itself has
 * to wait, not the mail server or another process.
 */
export type Attempt = (task: Task, signal: AbortSignal) => Promise<void>

/** How soon to try again if another process is sending the mail, in milliseconds. */
export const heldRetryMs = 500

export function createAttempt(policy: SettlePolicy, parts: AttemptParts): Attempt {
  const { ledger, channel, outage, health, metrics } = parts
  const settle = createSettle(policy, parts)

  return async function attempt(task, signal) {
    try {
      if (task.record && (await isDone(task, task.record))) return
      if (task.problem !== undefined) return await settle.recordFailure(task, task.problem)
      const release = outage.admit()
      if (release === undefined) throw new RetryLater(outageRetryMs)
      try {
        const number = health.begin()
        const { result, begun } = await send(task, signal)
        await settle.recordResult(task, result, { number, begun })
      } catch (error) {
        if (!(error instanceof NotHeld)) throw error
        await settle.recordNotSent(task, error.message)
      } finally {
        release()
      }
    } catch (error) {
      // Another notifier began first.
      if (error instanceof MailNotFree) throw new RetryLater(heldRetryMs, { cause: error })
      throw error
    }
  }

  /** Whether nothing is left to do. Throws RetryLater if it is too early. */
  async function isDone(task: Task, record: MailRecord): Promise<boolean> {
    switch (record.state) {
      case 'accepted':
        metrics.redeliveries.inc()
        task.logger.info('redelivered; already delivered')
        return true
      case 'failed':
        if (record.deadLetteredAt === undefined) await settle.publishDeadLetters(task, record)
        return true
      case 'attempting':
        throw new RetryLater(heldRetryMs)
      case 'unknown':
        if (record.nextAttemptAt === undefined) return true
        if (policy.onUnknown === 'prefer-loss') {
          await settle.recordUnknown(
            task,
            record.reply || 'the notifier ended before the reply came',
          )
          return true
        }
        if ((record.unconfirmed ?? 0) > policy.maxResends) {
          await settle.recordFailure(task, `Not sent again: ${record.reply}`)
          return true
        }
    }
    const now = ledger.now()
    const waitMs = (record.nextAttemptAt ?? 0) - now
    // If the clock was set back, it is not known how long the mail has waited.
    const wasSetBack = record.updatedAt > now
    if (waitMs > 0 && !wasSetBack) throw new RetryLater(waitMs, { soonerWhenCrowded: true })
    return false
  }

  async function send(
    { ref, received, mail, record }: Task,
    signal: AbortSignal,
  ): Promise<{ result: SendResult; begun: boolean }> {
    let begun: Promise<() => boolean> | undefined
    const isWanted = () => !outage.paused
    const outgoing = { mail, events: received, record, isWanted }
    const result = await channel.send(outgoing, async () => {
      // Begun on a connection that was lost since: until it ends, no other notifier can send it.
      if (begun !== undefined) return begun
      // The partition may have been assigned to another notifier in the meantime.
      signal.throwIfAborted()
      begun = ledger.begin(ref, mail)
      return begun
    })
    // If the connection was lost meanwhile, the write may be pending or have failed.
    await begun
    return { result, begun: begun !== undefined }
  }
}
