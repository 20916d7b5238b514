import { RetryLater } from '@herald/broker'
import type { Channel } from './channel.js'
import { MailNotFree, type MailRecord } from './ledger/mail-record.js'
import type { SendOutcome } from './send-outcome.js'
import { createSettle, outageMs, type SettleParts, type SettlePolicy } from './settle.js'
import type { Task } from './task.js'

export interface AttemptParts extends SettleParts {
  readonly channel: Channel
}

/**
 * One attempt at a mail, if it is time for one. Resolves once the ledger holds its final state:
 * accepted, failed and among the dead letters, or unknown if loss is preferred to a duplicate.
 * Rejects with RetryLater if it has none yet; `soonerWhenCrowded` if the mail itself has
 * to wait, not the mail server or another process.
 */
export type Attempt = (task: Task, signal: AbortSignal) => Promise<void>

/** How soon to look again at a mail that another process is handing over, in milliseconds. */
export const heldMs = 500

export function createAttempt(policy: SettlePolicy, parts: AttemptParts): Attempt {
  const { ledger, channel, outage, health, metrics } = parts
  const settle = createSettle(policy, parts)

  return async function attempt(task, signal) {
    try {
      if (task.record && (await isDone(task, task.record))) return
      if (task.fault !== undefined) return await settle.failure(task, task.fault)
      const release = outage.admit()
      if (release === undefined) throw new RetryLater(outageMs)
      try {
        const number = health.begin()
        const { outcome, begun } = await send(task, signal)
        await settle.outcome(task, outcome, { number, begun })
      } finally {
        release()
      }
    } catch (error) {
      // Another notifier was quicker, and settles the mail.
      if (error instanceof MailNotFree) throw new RetryLater(heldMs, { cause: error })
      throw error
    }
  }

  /** True where nothing is left to do. Throws RetryLater where it is not yet time. */
  async function isDone(task: Task, record: MailRecord): Promise<boolean> {
    switch (record.state) {
      case 'accepted':
        metrics.redeliveries.inc()
        task.logger.info('redelivered; already delivered')
        return true
      case 'failed':
        if (record.deadLetteredAt === undefined) await settle.bury(task, record)
        return true
      case 'attempting':
        throw new RetryLater(heldMs)
      case 'unknown':
        if (record.nextAttemptAt === undefined) return true
        if (policy.onUnknown === 'prefer-loss') {
          await settle.uncertainty(task, record.reply || 'the notifier ended before the reply came')
          return true
        }
        if ((record.unconfirmed ?? 0) > policy.maxResends) {
          await settle.failure(task, `Not sent again: ${record.reply}`)
          return true
        }
    }
    const now = Date.now()
    const waitMs = (record.nextAttemptAt ?? 0) - now
    // A record of the future: the clock was set back, and how long it has waited is not known.
    const wasSetBack = record.updatedAt > now
    if (waitMs > 0 && !wasSetBack) throw new RetryLater(waitMs, { soonerWhenCrowded: true })
    return false
  }

  async function send(
    { ref, received, mail, record }: Task,
    signal: AbortSignal,
  ): Promise<{ outcome: SendOutcome; begun: boolean }> {
    let begun: Promise<void> | undefined
    const isWanted = () => !outage.paused
    const outgoing = { mail, events: received, record, isWanted }
    const outcome = await channel.send(outgoing, async () => {
      // The partition may have gone to a notifier elsewhere while this one waited its turn.
      signal.throwIfAborted()
      begun ??= ledger.begin(ref, mail)
      return begun
    })
    // It may still be under way, or have failed, where the connection was lost meanwhile.
    await begun
    return { outcome, begun: begun !== undefined }
  }
}
