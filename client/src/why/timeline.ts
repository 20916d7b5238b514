import type { EventStory } from './story.js'

/** One thing that happened to an event. */
export interface Step {
  /** Undefined where nobody noted when. */
  readonly at: Date | undefined
  readonly what: string
}

/** What happened to the event, in the order of time. */
export function timelineOf({ outbox, mail, conversionId }: EventStory): Step[] {
  const steps: Step[] = []
  const add = (at: Date | undefined, what: string) => void steps.push({ at, what })
  const began = timeOfUuid(conversionId)
  if (began) add(began, 'the conversion was asked for')
  if (outbox) {
    add(outbox.keptAt, `kept in the outbox: ${outbox.label}`)
    if (outbox.attempts > 0) {
      const fault = outbox.lastFault === undefined ? '' : `: ${outbox.lastFault}`
      add(undefined, `could not be published ${times(outbox.attempts)}${fault}`)
    }
  }
  if (outbox?.publishedAt) add(outbox.publishedAt, `published on ${placeOf(outbox)}`)
  else if (mail?.topic) add(undefined, `published on ${placeOf({ ...mail, topic: mail.topic })}`)
  if (mail) {
    if (mail.history) {
      for (const { at, state, reply } of mail.history) add(at, `${state}: ${reply}`)
    } else {
      add(mail.firstAttemptAt, `put to the mail server first`)
      add(mail.updatedAt, `${mail.state} after ${times(mail.attempts)}: ${mail.reply}`)
    }
    if (mail.deadLetteredAt) add(mail.deadLetteredAt, 'put to the dead letters')
  }
  return steps
}

function placeOf(place: {
  topic: string
  partition?: number | undefined
  offset?: string | undefined
}) {
  const { topic, partition, offset } = place
  return partition === undefined ? topic : `${topic}, partition ${partition}, offset ${offset}`
}

const times = (count: number) => (count === 1 ? '1 attempt' : `${count} attempts`)

/** RFC 9562 §5.7: a UUIDv7 begins with the milliseconds since 1970. */
function timeOfUuid(id: string | undefined): Date | undefined {
  const [, high, low] = /^([\da-f]{8})-([\da-f]{4})-7/i.exec(id ?? '') ?? []
  return high && low ? new Date(Number.parseInt(high + low, 16)) : undefined
}
