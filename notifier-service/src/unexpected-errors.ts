import { BrokerError, type Delivery, type Handler, RetryLater } from '@herald/broker'
import type { Logger } from '@herald/runtime'
import { StoreError } from '@herald/runtime/store'
import type { DeadLetterPublisher } from './dead-letters/publisher.js'
import { describe } from './guard-channel.js'
import type { DeferredMail } from './ledger/lanes.js'
import type { Ledger } from './ledger/ledger.js'
import type { NotifierMetrics } from './metrics.js'

export interface UnexpectedErrorsParts {
  readonly ledger: Ledger
  readonly deadLetters: DeadLetterPublisher
  readonly metrics: Pick<NotifierMetrics, 'deadLetters'>
  readonly logger: Logger
}

/**
 * Keeps an event that fails with an unexpected error each time from blocking its key and its
 * partition: after some attempts it goes to the dead letters, with the stack in the log. Errors of
 * the broker and of the disk concern every event, and put none there.
 */
export interface UnexpectedErrors {
  /** Returns `handler` that resolves once such an event is among the dead letters. */
  guard(handler: Handler): Handler
  /** The same for a mail that was put aside: resolves to whether it was given up. `times`: failures in a row. */
  giveUp(mail: DeferredMail, error: unknown, times: number): Promise<boolean>
}

/** Attempts that end in an unexpected error before the event is given up. */
const maxTimes = 6

export function createUnexpectedErrors(parts: UnexpectedErrorsParts): UnexpectedErrors {
  const { ledger, deadLetters, metrics, logger } = parts
  const times = new Map<string, number>()

  /** Whether the error is about this event, not about what all events need. */
  async function isOfEvent(error: unknown, failures: number): Promise<boolean> {
    if (error instanceof BrokerError || error instanceof StoreError) return false
    if (failures < maxTimes) return false
    return ledger.check().then(
      () => true,
      () => false,
    )
  }

  async function bury(deliveries: readonly Omit<Delivery, 'attempt'>[], error: unknown) {
    const reason = { reason: describe(error), attempts: maxTimes }
    for (const delivery of deliveries) {
      await deadLetters.publish(delivery, reason)
      metrics.deadLetters.inc()
      const { topic, partition, offset } = delivery
      logger.error(
        { err: error, topic, partition, offset },
        'fails each time: event put to the dead letters',
      )
    }
  }

  return {
    guard: (handler) => async (delivery, context) => {
      const name = `${delivery.partition}/${delivery.offset}`
      try {
        await handler(delivery, context)
        times.delete(name)
      } catch (error) {
        if (error instanceof RetryLater || context.signal.aborted) throw error
        const failures = (times.get(name) ?? 0) + 1
        times.set(name, failures)
        if (!(await isOfEvent(error, failures))) throw error
        await bury([delivery], error)
        times.delete(name)
      }
    },

    async giveUp({ ref, deliveries }, error, failures) {
      if (!(await isOfEvent(error, failures))) return false
      const record = await ledger.find(ref)
      if (record !== undefined) {
        const reply = describe(error)
        await ledger.settle(ref, record, { state: 'failed', reply, countsAsAttempt: false })
      }
      await bury(deliveries, error)
      await ledger.markDeadLettered(ref)
      return true
    },
  }
}
