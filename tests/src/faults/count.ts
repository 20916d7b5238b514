import type { TestEvent } from './events.js'
import type { Send } from './send.js'

/** The mails at the server compared with the published events. */
export interface Count {
  readonly unique: number
  /** Mails accepted beyond the first of each event. */
  readonly duplicates: number
  /** Events whose mail was never accepted. */
  readonly lost: readonly string[]
  /** Mails first accepted after a later one of the same recipient. */
  readonly outOfOrder: number
  /** Events with more than one mail. */
  readonly doubled: readonly string[]
  /** Mails of events that were not published. */
  readonly unknownEvents: number
}

/** Whether the server has the mail: one whose 250 was lost is delivered as well. */
export const isAccepted = ({ verdict }: Send) => verdict === 'accept' || verdict === 'lose-reply'

export function countAtSink(events: readonly TestEvent[], sends: readonly Send[]): Count {
  const published = new Map(events.map((event) => [event.id, event]))
  const accepted = new Map<string, number>()
  const lastPosition = new Map<string, number>()
  let outOfOrder = 0
  let unknownEvents = 0
  const inOrder = sends
    .filter(isAccepted)
    .sort((one, other) => (one.bodySequence ?? 0) - (other.bodySequence ?? 0))
  for (const { eventId } of inOrder) {
    const event = eventId === undefined ? undefined : published.get(eventId)
    if (event === undefined) {
      unknownEvents += 1
      continue
    }
    const before = accepted.get(event.id) ?? 0
    accepted.set(event.id, before + 1)
    if (before > 0) continue
    const last = lastPosition.get(event.recipient) ?? -1
    if (event.position < last) outOfOrder += 1
    else lastPosition.set(event.recipient, event.position)
  }
  const doubled = [...accepted].filter(([, times]) => times > 1)
  return {
    unique: accepted.size,
    duplicates: doubled.reduce((sum, [, times]) => sum + times - 1, 0),
    lost: events.filter(({ id }) => !accepted.has(id)).map(({ id }) => id),
    outOfOrder,
    doubled: doubled.map(([id]) => id),
    unknownEvents,
  }
}

/** Checks that each event was mailed, in order, with at most `maxDuplicates` mails too many; returns the figures. */
export function checkMails(
  check: (holds: boolean, otherwise: string) => void,
  { lost, duplicates, outOfOrder, unique }: Count,
  maxDuplicates = 0,
) {
  check(lost.length === 0, `${lost.length} mails lost`)
  check(duplicates <= maxDuplicates, `${duplicates} duplicates, more than ${maxDuplicates}`)
  check(outOfOrder === 0, `${outOfOrder} mails out of order`)
  return { unique, duplicate: duplicates, lost: lost.length, 'out of order': outOfOrder }
}
