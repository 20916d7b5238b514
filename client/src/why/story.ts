import type { FoundEvent, Outbox } from '@herald/broker/outbox'
import { type MailStatus, type NotifierApi, NotifierUnavailable } from './notifier-api.js'

/** What the outbox here and the notifier know of one event. */
export interface EventStory {
  readonly eventId: string
  readonly conversionId: string | undefined
  readonly inOutbox: FoundEvent | undefined
  readonly mail: MailStatus | undefined
}

export interface Story {
  /** The requested id: of an event or a conversion. */
  readonly id: string
  /** By event id; none if the id is unknown. */
  readonly events: readonly EventStory[]
  /** Why the notifier cannot be reached; undefined if it answered. */
  readonly unavailable: string | undefined
}

/** Looks an event or a conversion up in the outbox here and in the notifier. */
export async function findStory(
  outbox: Pick<Outbox, 'findEvents'>,
  notifier: NotifierApi,
  id: string,
): Promise<Story> {
  const inOutbox = new Map(outbox.findEvents(id).map((found) => [found.event.id, found]))
  const mails = new Map<string, MailStatus>()
  let unavailable: string | undefined
  try {
    const eventIds = new Set([id, ...inOutbox.keys()])
    const answers = [
      notifier.ofConversion(id),
      ...[...eventIds].map((each) => notifier.ofEvent(each)),
    ]
    for (const mail of (await Promise.all(answers)).flat()) mails.set(mail.eventId, mail)
  } catch (error) {
    if (!(error instanceof NotifierUnavailable)) throw error
    unavailable = error.message
  }
  const eventIds = new Set([...inOutbox.keys(), ...mails.keys()])
  const events = [...eventIds].sort().map((eventId) => {
    const found = inOutbox.get(eventId)
    const mail = mails.get(eventId)
    const conversionId = found?.event.subject || mail?.conversionId || undefined
    return { eventId, conversionId, inOutbox: found, mail }
  })
  return { id, events, unavailable }
}

/** One thing that happened to an event. */
export interface Step {
  /** Undefined if no time was recorded. */
  readonly at: Date | undefined
  readonly what: string
}

/** What happened to the event, in the order of time. */
export function timelineOf({ inOutbox, mail, conversionId }: EventStory): Step[] {
  const steps: Step[] = []
  const add = (at: Date | undefined, what: string) => void steps.push({ at, what })
  const requestedAt = timeOfUuid(conversionId)
  if (requestedAt) add(requestedAt, 'the conversion was requested')
  if (inOutbox) {
    const { createdAtMs, label, attempts, lastError } = inOutbox.entry
    add(new Date(createdAtMs), `kept in the outbox: ${label}`)
    const why = lastError === undefined ? '' : `: ${lastError}`
    if (attempts > 0) add(undefined, `could not be published in ${times(attempts)}${why}`)
  }
  if (inOutbox?.entry.state.kind === 'published') {
    const { state, topic } = inOutbox.entry
    add(new Date(state.atMs), `published on ${locationOf({ topic, ...inOutbox.publishedTo })}`)
  } else if (mail?.topic) {
    add(undefined, `published on ${locationOf({ ...mail, topic: mail.topic })}`)
  }
  if (mail) {
    if (mail.history) {
      for (const { at, state, reply } of mail.history) add(at, `${state}: ${reply}`)
    } else {
      add(mail.firstAttemptAt, `first sent to the mail server`)
      add(mail.updatedAt, `${mail.state} after ${times(mail.attempts)}: ${mail.reply}`)
    }
    if (mail.deadLetteredAt) add(mail.deadLetteredAt, 'moved to the dead letters')
  }
  return steps
}

interface Location {
  readonly topic: string
  readonly partition?: number | undefined
  readonly offset?: string | undefined
}

const locationOf = ({ topic, partition, offset }: Location) =>
  partition === undefined ? topic : `${topic}, partition ${partition}, offset ${offset}`

const times = (count: number) => (count === 1 ? '1 attempt' : `${count} attempts`)

/** RFC 9562 §5.7: a UUIDv7 begins with the milliseconds since 1970. */
function timeOfUuid(id: string | undefined): Date | undefined {
  const [, high, low] = /^([\da-f]{8})-([\da-f]{4})-7/i.exec(id ?? '') ?? []
  return high && low ? new Date(Number.parseInt(high + low, 16)) : undefined
}
