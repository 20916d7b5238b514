import { setTimeout as sleep } from 'node:timers/promises'
import { type Broker, openBroker, type Subscription } from '@herald/broker'
import {
  fromOutcomeMessage,
  outcomeTopic,
  type ReceivedOutcome,
} from '@herald/broker/outcome-message'
import { outcomeTypes } from '@herald/proto/outcomes'
import type { Logger } from '@herald/runtime/logger'
import type { ConversionEvents } from './conversion-events.js'
import { causeOf } from './log-outages.js'
import type { MailOutcome } from './record.js'
import type { Records } from './records.js'

export interface OutcomesOptions {
  /** The broker's URL. */
  readonly broker: string
  readonly topic: string
  readonly records: Records
  readonly events: ConversionEvents
  readonly logger: Logger
}

export interface OutcomeReader {
  close(): Promise<void>
}

const firstWaitMs = 500
const maxWaitMs = 30_000

/**
 * Reads the outcomes of the mails, in its own consumer group. Retries until the broker can be
 * reached; the page works without.
 */
export function readOutcomes(options: OutcomesOptions): OutcomeReader {
  const { records, logger } = options
  const stop = new AbortController()
  let broker: Broker | undefined
  let subscription: Subscription | undefined

  const joining = (async () => {
    for (let waitMs = firstWaitMs; !stop.signal.aborted; waitMs = Math.min(waitMs * 2, maxWaitMs)) {
      try {
        broker = await openBroker(options.broker, { logger })
        subscription = await broker.subscribe(
          { topic: outcomeTopic(options.topic), group: `web-${records.installation}` },
          (delivery) => take(delivery, options),
        )
        return
      } catch (error) {
        await broker?.close().catch(() => {})
        broker = undefined
        logger.warn({ ...causeOf(error), waitMs }, 'cannot read outcomes; will retry')
        await sleep(waitMs, undefined, { signal: stop.signal }).catch(() => {})
      }
    }
  })()

  return {
    async close() {
      stop.abort()
      await joining
      await subscription?.close()
      await broker?.close()
    },
  }
}

async function take(
  message: Parameters<typeof fromOutcomeMessage>[0],
  { records, events, logger }: OutcomesOptions,
): Promise<void> {
  let outcome: ReceivedOutcome | undefined
  try {
    outcome = fromOutcomeMessage(message)
  } catch (error) {
    // A redelivery would fail as well.
    logger.warn({ err: error }, 'skipped an outcome that cannot be read')
    return
  }
  const { notification } = outcome?.event.data ?? {}
  if (!outcome || !notification || !['', 'mail'].includes(notification.channel)) return
  for (const eventId of notification.eventIds) {
    const changed = await records.addOutcome(eventId, read(outcome))
    if (changed) events.publish({ kind: 'record', record: changed })
  }
}

function read({ event }: ReceivedOutcome): MailOutcome {
  if (event.type === outcomeTypes.delivered) {
    const { reply, attempts, deliveredAtUnixMs } = event.data
    return { state: 'mailed', reply, attempts, atMs: deliveredAtUnixMs }
  }
  const { reason, attempts, failedAtUnixMs, possiblyDelivered } = event.data
  return {
    state: possiblyDelivered ? 'uncertain' : 'given up',
    reply: reason,
    attempts,
    atMs: failedAtUnixMs,
  }
}
