import { type Broker, openBroker } from '@herald/broker'
import { fromOutcomeMessage, outcomeTopic } from '@herald/broker/outcome-message'
import { outcomeTypes, type ReceivedOutcomeEvent } from '@herald/proto/outcomes'
import { silentLogger } from '@herald/runtime/logger'

/** How the mail about an event ended. */
export interface MailOutcome {
  readonly state: 'mailed' | 'not mailed' | 'possibly mailed'
  /** The mail server's reply, or why the mail was given up. */
  readonly reply: string
}

/** What the notifier announced of the mail about `eventIds`; undefined for another channel. */
function readMailOutcome({
  type,
  data,
}: ReceivedOutcomeEvent): { eventIds: readonly string[]; outcome: MailOutcome } | undefined {
  const { notification } = data
  if (!notification || !['', 'mail'].includes(notification.channel)) return undefined
  const { eventIds } = notification
  if (type === outcomeTypes.delivered) {
    return { eventIds, outcome: { state: 'mailed', reply: data.reply } }
  }
  const state = data.possiblyDelivered ? 'possibly mailed' : 'not mailed'
  return { eventIds, outcome: { state, reply: data.reason } }
}

export interface WaitOptions {
  /** The broker's URL. */
  readonly broker: string
  /** The topic of the announcements. */
  readonly topic: string
  /** A consumer group that nobody else uses. */
  readonly group: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Reads the outcome topic until the mail about each of these events has ended, the time is over or
 * `signal` is aborted. Resolves to the outcomes known by then, by event. A new group reads the topic
 * from its beginning, so an outcome of before the call is found as well. Rejects with BrokerError.
 */
export async function waitForMails(
  eventIds: readonly string[],
  { broker: url, topic, group, timeoutMs, signal }: WaitOptions,
): Promise<ReadonlyMap<string, MailOutcome>> {
  const outcomes = new Map<string, MailOutcome>()
  const pending = new Set(eventIds)
  const end = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  let broker: Broker | undefined
  try {
    broker = await openBroker(url, { logger: silentLogger })
    const done = new Promise<void>((resolve, reject) => {
      end.addEventListener('abort', () => resolve())
      if (end.aborted || pending.size === 0) resolve()
      broker
        ?.subscribe({ topic: outcomeTopic(topic), group }, async (delivery) => {
          const known = readOutcome(delivery)
          for (const id of known?.eventIds ?? []) {
            if (known && pending.delete(id)) outcomes.set(id, known.outcome)
          }
          if (pending.size === 0) resolve()
        })
        .catch(reject)
    })
    await done
    return outcomes
  } finally {
    await broker?.close()
  }
}

/** Undefined for what cannot be read: the notifier's own business. */
function readOutcome(message: Parameters<typeof fromOutcomeMessage>[0]) {
  try {
    const received = fromOutcomeMessage(message)
    return received && readMailOutcome(received.event)
  } catch {
    return undefined
  }
}
