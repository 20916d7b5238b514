import { type Broker, openBroker } from '@herald/broker'
import { fromOutcomeMessage, outcomeTopic } from '@herald/broker/outcome-message'
import { outcomeTypes, type ReceivedOutcomeEvent } from '@herald/proto/outcomes'
import { silentLogger } from '@herald/runtime/logger'
import type { Terminal } from '@herald/runtime/terminal'
import { escapeControls } from '@herald/runtime/terminal-text'
import type { AnnouncedEvent } from '../announcer.js'
import { withTimeLimit } from '../time-limit.js'

/** One line for each mail: `mailed to ada@example.com: 250 2.0.0 Ok`; a digest of several events is one. */
function mailLines(
  events: readonly AnnouncedEvent[],
  outcomes: ReadonlyMap<string, MailOutcome>,
): string[] {
  const counts = new Map<string, number>()
  for (const { id, recipient } of events) {
    const line = lineOf(recipient || 'the default address', outcomes.get(id))
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return Array.from(counts, ([line, count]) => (count === 1 ? line : `${line} (${count} files)`))
}

function lineOf(recipient: string, outcome: MailOutcome | undefined): string {
  if (outcome === undefined)
    return `not mailed to ${escapeControls(recipient)} yet: no outcome in time`
  return `${outcome.state} to ${escapeControls(recipient)}: ${escapeControls(outcome.reply)}`
}

/** Whether the mail of each event was sent. */
export const allMailed = (
  events: readonly AnnouncedEvent[],
  outcomes: ReadonlyMap<string, MailOutcome>,
): boolean => events.every(({ id }) => outcomes.get(id)?.state === 'mailed')

/** Prints the outcomes of the mails. */
export function reportMails(
  terminal: Terminal,
  print: (line: string) => void,
  events: readonly AnnouncedEvent[],
  outcomes: ReadonlyMap<string, MailOutcome>,
): void {
  for (const line of mailLines(events, outcomes)) {
    if (line.startsWith('mailed ')) print(line)
    else terminal.log(`${terminal.paint('red', '✗', 'stderr')} ${line}`)
  }
}

/** How the mail about an event ended. */
export interface MailOutcome {
  readonly state: 'mailed' | 'not mailed' | 'possibly mailed'
  /** The mail server's reply, or why the mail was given up. */
  readonly reply: string
}

/** The outcome of the mail about `eventIds`; undefined for another channel. */
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
  /** A consumer group of its own. */
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
  const untilKnown = (broker: Broker, end: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      end.addEventListener('abort', () => resolve())
      if (end.aborted || pending.size === 0) resolve()
      broker
        .subscribe({ topic: outcomeTopic(topic), group }, async (delivery) => {
          const known = readOutcome(delivery)
          for (const id of known?.eventIds ?? []) {
            if (known && pending.delete(id)) outcomes.set(id, known.outcome)
          }
          if (pending.size === 0) resolve()
        })
        .catch(reject)
    })
  return withTimeLimit({ timeoutMs, signals: [signal] }, async (end) => {
    const broker = await openBroker(url, { logger: silentLogger })
    try {
      await untilKnown(broker, end)
      return outcomes
    } finally {
      await broker.close()
    }
  })
}

/** Undefined if the message cannot be read. */
function readOutcome(message: Parameters<typeof fromOutcomeMessage>[0]) {
  try {
    const received = fromOutcomeMessage(message)
    return received && readMailOutcome(received.event)
  } catch {
    return undefined
  }
}
