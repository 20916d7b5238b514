import { BrokerError, type Handler, RetryLater } from '@herald/broker'
import type { Logger } from '@herald/runtime'
import { StoreError } from '@herald/runtime/store'
import type { DeadLetterPublisher } from './dead-letters/publisher.js'
import { describeError } from './guard-channel.js'
import type { DeferredMail, KeptDelivery } from './ledger/lanes.js'
import type { Ledger } from './ledger/ledger.js'
import { positionOf } from './ledger/mail-record.js'
import type { NotifierMetrics } from './metrics.js'

export interface UnexpectedErrorsParts {
  readonly ledger: Ledger
  readonly deadLetters: DeadLetterPublisher
  readonly metrics: Pick<NotifierMetrics, 'deadLetters'>
  readonly logger: Logger
}

/**
 * Keeps an event that fails with an unexpected error each time from blocking its key and its
 * partition: after some attempts it is published to the dead letters, with the stack in the log.
 * Errors of the broker and of the disk concern every event and do not count.
 */
export interface UnexpectedErrors {
  /** Returns a handler that resolves once such an event is among the dead letters. */
  guard(handler: Handler): Handler
  /** The same for a deferred mail: resolves to whether it was given up. `failures`: in a row. */
  giveUp(mail: DeferredMail, error: unknown, failures: number): Promise<boolean>
}

/** Unexpected errors in a row after which an event is given up. */
const maxFailures = 6

export function createUnexpectedErrors(parts: UnexpectedErrorsParts): UnexpectedErrors {
  const { ledger, deadLetters, metrics, logger } = parts
  const failuresOf = new Map<string, number>()

  /** Whether the error concerns this event, not what all events need. */
  async function concernsEvent(error: unknown, failures: number): Promise<boolean> {
    if (error instanceof BrokerError || error instanceof StoreError) return false
    if (failures < maxFailures) return false
    return ledger.check().then(
      () => true,
      () => false,
    )
  }

  async function publishDeadLetters(deliveries: readonly KeptDelivery[], error: unknown) {
    const reason = { reason: describeError(error), attempts: maxFailures }
    for (const delivery of deliveries) {
      await deadLetters.publish(delivery, reason)
      metrics.deadLetters.inc()
      const { topic } = delivery
      logger.error(
        { err: error, topic, position: positionOf(delivery) },
        'fails each time: event published to the dead letters',
      )
    }
  }

  return {
    guard: (handler) => async (delivery, context) => {
      const name = delivery.position
      try {
        await handler(delivery, context)
        failuresOf.delete(name)
      } catch (error) {
        if (error instanceof RetryLater || context.signal.aborted) throw error
        const failures = (failuresOf.get(name) ?? 0) + 1
        failuresOf.set(name, failures)
        if (!(await concernsEvent(error, failures))) throw error
        await publishDeadLetters([delivery], error)
        failuresOf.delete(name)
      }
    },

    async giveUp({ ref, deliveries }, error, failures) {
      if (!(await concernsEvent(error, failures))) return false
      const record = await ledger.find(ref)
      if (record !== undefined) {
        const reply = describeError(error)
        await ledger.settle(ref, record, { state: 'failed', reply, countsAsAttempt: false })
      }
      await publishDeadLetters(deliveries, error)
      await ledger.markDeadLettered(ref)
      return true
    },
  }
}
