import type { Outbox } from '@herald/broker/outbox'
import { type MailTrace, type NotifierDesk, NotifierSilent } from './ask-notifier.js'
import { type OutboxTrace, traceInOutbox } from './outbox-trace.js'

/** One event on its way, as far as anybody knows. */
export interface EventStory {
  readonly eventId: string
  readonly conversionId: string | undefined
  readonly outbox: OutboxTrace | undefined
  readonly mail: MailTrace | undefined
}

export interface Story {
  /** What was asked for. */
  readonly id: string
  /** By event id; none: nothing is known of the id. */
  readonly events: readonly EventStory[]
  /** Why the notifier could not be asked; undefined where it answered. */
  readonly silence: string | undefined
}

/** Brings together what the outbox here and the notifier know of an event or a conversion. */
export async function tellStory(
  outbox: Pick<Outbox, 'entries' | 'receipts'>,
  desk: NotifierDesk,
  id: string,
): Promise<Story> {
  const traces = traceInOutbox(outbox, id)
  const mails = new Map<string, MailTrace>()
  let silence: string | undefined
  try {
    const asked = new Set([id, ...traces.map(({ eventId }) => eventId)])
    const answers = [desk.ofConversion(id), ...[...asked].map((each) => desk.ofEvent(each))]
    for (const mail of (await Promise.all(answers)).flat()) mails.set(mail.eventId, mail)
  } catch (error) {
    if (!(error instanceof NotifierSilent)) throw error
    silence = error.message
  }
  const ids = new Set([...traces.map(({ eventId }) => eventId), ...mails.keys()])
  const events = [...ids].sort().map((eventId) => {
    const trace = traces.find((each) => each.eventId === eventId)
    const mail = mails.get(eventId)
    return {
      eventId,
      conversionId: trace?.conversionId || mail?.conversionId || undefined,
      outbox: trace,
      mail,
    }
  })
  return { id, events, silence }
}
