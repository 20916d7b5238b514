import { RetryLater } from '@herald/broker'
import type { Logger } from '@herald/runtime'
import type { Attempt } from './attempt.js'
import { type BackOff, backOffMs } from './back-off.js'
import type { Channel } from './channel.js'
import type { DeferredMail } from './ledger/lanes.js'
import type { Ledger } from './ledger/ledger.js'
import { readDeferred } from './task.js'
import type { UnexpectedErrors } from './unexpected-errors.js'

export interface SendLaneParts {
  readonly ledger: Ledger
  readonly channel: Channel
  readonly attempt: Attempt
  /** Publishes a mail that fails each time to the dead letters; resolves to whether it did. */
  readonly giveUp: UnexpectedErrors['giveUp']
  readonly logger: Logger
}

export interface SendLaneSignals {
  /** No further mail is sent. */
  readonly stop: AbortSignal
  /** An attempt that has not begun is not made, and its mail is due at once. */
  readonly cutOff: AbortSignal
}

/** After an error of our own: a full disk, a broker that takes no dead letter. */
const errorBackOff: BackOff = { firstMs: 1000, capMs: 30_000 }

/** Returns a function that sends the mails of a claimed lane in order until one has to wait; it gives up the claim then. */
export function createSendLane(parts: SendLaneParts) {
  const { ledger, attempt, giveUp, logger } = parts
  const { lanes } = ledger
  const failuresOf = new Map<string, number>()

  /** Resolves to the wait before the next attempt in milliseconds, or undefined if the head is settled. */
  async function sendHead(
    lane: string,
    head: DeferredMail,
    cutOff: AbortSignal,
  ): Promise<number | undefined> {
    try {
      const task = await readDeferred(head, parts)
      await attempt(task, cutOff)
      failuresOf.delete(lane)
      return undefined
    } catch (error) {
      if (error instanceof RetryLater) return error.retryAfterMs
      if (cutOff.aborted) return 0
      const failures = (failuresOf.get(lane) ?? 0) + 1
      failuresOf.set(lane, failures)
      if (await giveUp(head, error, failures).catch(() => false)) {
        failuresOf.delete(lane)
        return undefined
      }
      logger.error({ err: error }, 'a deferred delivery could not be handled; will try again')
      return backOffMs(errorBackOff, failures)
    }
  }

  async function sendMails(lane: string, { stop, cutOff }: SendLaneSignals): Promise<void> {
    for (let more = true; more; ) {
      const head = await lanes.head(lane)
      if (head === undefined || stop.aborted) return lanes.release(lane, ledger.now())
      const waitMs = await sendHead(lane, head, cutOff)
      if (waitMs !== undefined) return lanes.release(lane, ledger.now() + waitMs)
      more = await lanes.pop(lane, head.position)
    }
  }

  return async function sendLane(lane: string, signals: SendLaneSignals): Promise<void> {
    try {
      await sendMails(lane, signals)
    } catch (error) {
      // The ledger failed: the lane must not stay claimed here, or nobody sends it.
      await lanes.release(lane, ledger.now()).catch(() => {})
      throw error
    }
  }
}
