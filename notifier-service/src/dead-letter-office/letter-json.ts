import type { ListedLetter } from './office.js'

/** A dead letter for a program; what is not known is null. Fields are added, never renamed. */
export function letterJson(letter: ListedLetter) {
  return {
    number: letter.number,
    place: letter.place,
    eventId: letter.eventId || null,
    type: letter.type || null,
    conversionId: letter.conversionId || null,
    reason: letter.reason,
    channel: letter.channel,
    attempts: letter.attempts,
    buriedAt: letter.buriedAt.toISOString(),
    replayedAt: letter.replayedAt?.toISOString() ?? null,
    key: letter.message.key,
    sizeBytes: letter.sizeBytes,
    stub: letter.stub,
    origin: letter.origin,
  }
}
