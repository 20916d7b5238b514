import type { Delivery, Message } from '@herald/broker'
import { replayChannelHeader, replayHeader } from '../replay-mark.js'

/** An event that can never become a mail, as it lies in the dead letters. */
export interface DeadLetter {
  /** Partition and offset in the dead letters: `3/17`. */
  readonly place: string
  /** Names this dead letter for ever, also when a topic of that name is made anew. */
  readonly name: string
  readonly buriedAt: Date
  /** One sentence: why. */
  readonly reason: string
  /** The way that was tried: `mail`, `webhook`. */
  readonly channel: string
  /** Attempts at the mail server. */
  readonly attempts: number
  /** Where it came from. */
  readonly origin: { readonly topic: string; readonly partition: string; readonly offset: string }
  /** CloudEvents' id; empty where it has none that can be read. */
  readonly eventId: string
  readonly type: string
  readonly conversionId: string
  readonly sizeBytes: number
  /** Without its value, which had no room beside the reason: only its topic holds it whole. */
  readonly stub: boolean
  /** As it was published first: bytes, key and headers. */
  readonly message: Message
}

const added = 'herald_dead_letter_'

/** Reads what a notifier put to the dead letters; `topic` stands in where it is not told where from. */
export function readDeadLetter(delivery: Delivery, topic: string): DeadLetter {
  const { headers, key, value, partition, offset, raw } = delivery
  const text = (name: string) => Buffer.from(headers[name] ?? []).toString()
  const told = (name: string) => text(`${added}${name}`)
  const time = new Date(told('time'))
  const buriedAt = Number.isNaN(time.getTime()) ? delivery.publishedAt : time
  return {
    place: `${partition}/${offset}`,
    name: `${partition}/${offset}@${buriedAt.toISOString()}`,
    buriedAt,
    reason: told('reason'),
    channel: told('channel') || 'mail',
    attempts: Number.parseInt(told('attempts'), 10) || 0,
    origin: {
      topic: told('topic') || topic,
      partition: told('partition'),
      offset: told('offset'),
    },
    eventId: text('ce_id'),
    type: text('ce_type'),
    conversionId: text('ce_subject'),
    sizeBytes: Number.parseInt(told('value_bytes'), 10) || value.byteLength,
    stub: told('dropped').split(',').includes('value'),
    message: {
      key,
      value,
      headers: own(headers),
      ...(raw && { raw: { key: raw.key, headers: own(raw.headers) } }),
    },
  }
}

/** The headers of the original message, without those of the dead letter. */
function own<T>(headers: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => !name.startsWith(added) && ![replayHeader, replayChannelHeader].includes(name),
    ),
  )
}
