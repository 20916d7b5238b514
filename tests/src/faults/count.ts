import type { TestEvent } from './events.js'
import type { Send } from './send.js'

/** What the mail server saw, held against what was published. */
export interface Count {
  readonly unique: number
  /** Mails taken beyond the first of each event. */
  readonly duplicates: number
  /** Events whose mail was never taken. */
  readonly lost: readonly string[]
  /** Mails first taken after a later one of the same recipient. */
  readonly outOfOrder: number
  /** Events with more than one mail. */
  readonly doubled: readonly string[]
  /** Mails of events that were not published. */
  readonly strange: number
}

/** Whether the server has it: a mail whose 250 was lost is delivered as well. */
export const isTaken = ({ verdict }: Send) => verdict === 'take' || verdict === 'lose'

export function countAtSink(events: readonly TestEvent[], sends: readonly Send[]): Count {
  const published = new Map(events.map((event) => [event.id, event]))
  const taken = new Map<string, number>()
  const furthest = new Map<string, number>()
  let outOfOrder = 0
  let strange = 0
  const inOrder = sends
    .filter(isTaken)
    .sort((one, other) => (one.bodySequence ?? 0) - (other.bodySequence ?? 0))
  for (const { eventId } of inOrder) {
    const event = eventId === undefined ? undefined : published.get(eventId)
    if (event === undefined) {
      strange += 1
      continue
    }
    const before = taken.get(event.id) ?? 0
    taken.set(event.id, before + 1)
    if (before > 0) continue
    const last = furthest.get(event.recipient) ?? -1
    if (event.place < last) outOfOrder += 1
    else furthest.set(event.recipient, event.place)
  }
  const doubled = [...taken].filter(([, times]) => times > 1)
  return {
    unique: taken.size,
    duplicates: doubled.reduce((sum, [, times]) => sum + times - 1, 0),
    lost: events.filter(({ id }) => !taken.has(id)).map(({ id }) => id),
    outOfOrder,
    doubled: doubled.map(([id]) => id),
    strange,
  }
}

/** Holds that each event is in one mail, in its place, and none in the dead letters; returns the figures. */
export function holdEachMailedOnce(
  hold: (holds: boolean, otherwise: string) => void,
  { lost, duplicates, outOfOrder, unique }: Count,
  deadLetters: readonly unknown[],
) {
  hold(lost.length === 0, `${lost.length} mails lost`)
  hold(duplicates === 0, `${duplicates} duplicates`)
  hold(outOfOrder === 0, `${outOfOrder} mails out of order`)
  hold(deadLetters.length === 0, `${deadLetters.length} dead letters`)
  return {
    unique,
    duplicate: duplicates,
    lost: lost.length,
    'out of order': outOfOrder,
    'dead letters': deadLetters.length,
  }
}
