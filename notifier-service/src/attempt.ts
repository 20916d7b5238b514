import { type Delivery, RetryLater } from '@herald/broker'
import type { ReceivedEvent } from '@herald/broker/message'
import { type MailIdentity, MailNotFree, type MailRecord } from './ledger/ledger.js'
import { composeMail } from './mail/compose.js'
import type { Letters } from './mail/letters.js'
import { createSettle, type Job, outageMs, type SettleParts, type SettlePolicy } from './settle.js'
import type { SendOutcome } from './smtp/send-outcome.js'
import type { SmtpSender } from './smtp/smtp-sender.js'

export interface AttemptParts extends SettleParts {
  readonly sender: SmtpSender
  readonly letters: Letters
}

/** An event and the mail it is to become. */
export interface Task {
  readonly delivery: Omit<Delivery, 'attempt'>
  readonly ref: Job['ref']
  readonly received: ReceivedEvent
  readonly mail: MailIdentity
  /** What the ledger knows of it. */
  readonly record: MailRecord | undefined
  /** Why no mail can be made of it. */
  readonly fault: string | undefined
  readonly logger: Job['logger']
}

/**
 * One attempt at a mail, where it is time for one. Resolves once the ledger holds its final state:
 * accepted, failed and among the dead letters, or unknown where loss is preferred to a duplicate.
 * Rejects with RetryLater where it has none yet; `soonerWhenCrowded` where the mail itself has
 * to wait, not the mail server or another process.
 */
export type Attempt = (task: Task, signal: AbortSignal) => Promise<void>

/** How soon to look again at a mail that another process is handing over, in milliseconds. */
export const heldMs = 500

export function createAttempt(policy: SettlePolicy, parts: AttemptParts): Attempt {
  const { ledger, sender, letters, outage, metrics } = parts
  const settle = createSettle(policy, parts)

  return async function attempt(task, signal) {
    try {
      if (task.record && (await isDone(task, task.record))) return
      if (task.fault !== undefined) return await settle.failure(task, task.fault)
      if (outage.reason !== undefined) throw new RetryLater(outageMs)
      const { outcome, begun } = await send(task, signal)
      await settle.outcome(task, outcome, begun)
    } catch (error) {
      // Another notifier was quicker: what becomes of the mail is its affair.
      if (error instanceof MailNotFree) throw new RetryLater(heldMs, { cause: error })
      throw error
    }
  }

  /** True where nothing is left to do. Throws RetryLater where it is not yet time. */
  async function isDone(job: Job, record: MailRecord): Promise<boolean> {
    switch (record.state) {
      case 'accepted':
        metrics.redeliveries.inc()
        job.logger.info('came again; its mail was already accepted')
        return true
      case 'failed':
        if (record.deadLetteredAt === undefined) await settle.bury(job, record)
        return true
      case 'attempting':
        throw new RetryLater(heldMs)
      case 'unknown':
        if (record.nextAttemptAt === undefined) return true
        if (policy.onUnknown === 'prefer-loss') {
          await settle.uncertainty(job, record.reply || 'the notifier ended before the reply came')
          return true
        }
    }
    const waitMs = (record.nextAttemptAt ?? 0) - Date.now()
    if (waitMs > 0) throw new RetryLater(waitMs, { soonerWhenCrowded: true })
    return false
  }

  async function send(
    { ref, received, mail, record }: Job,
    signal: AbortSignal,
  ): Promise<{ outcome: SendOutcome; begun: boolean }> {
    const bytes = await composeMail(letters, [received], {
      from: mail.from,
      to: mail.recipient,
      messageId: mail.messageId,
      template: mail.template,
      withoutPreview: record?.withoutPreview === true,
    })
    let begun: Promise<void> | undefined
    const outcome = await sender.send(
      { from: addressIn(mail.from), to: mail.recipient, bytes },
      async () => {
        // The partition may have gone to a notifier elsewhere while this one waited its turn.
        signal.throwIfAborted()
        begun ??= ledger.begin(ref, mail)
        return begun
      },
    )
    // It may still be under way, or have failed, where the connection was lost meanwhile.
    await begun
    return { outcome, begun: begun !== undefined }
  }
}

/** The address within a From header. */
function addressIn(mailbox: string): string {
  return /<([^<>]+)>\s*$/.exec(mailbox)?.[1] ?? mailbox.trim()
}
