import type { Delivery, Message } from '@herald/broker'
import { replayChannelHeader, replayHeader } from '../replay-mark.js'

/** An event that can never become a mail, as it is in the dead-letter topic. */
export interface DeadLetter {
  /** Partition and offset in the dead letters: `3/17`. */
  readonly place: string
  /** Unique, also after the topic was deleted and created again. */
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

/** Reads a dead letter. `topic`: where it came from if it does not say. */
export function readDeadLetter(delivery: Delivery, topic: string): DeadLetter {
  const { headers, key, value, partition, offset, raw } = delivery
  const text = (name: string) => Buffer.from(headers[name] ?? []).toString()
  const addedText = (name: string) => text(`${added}${name}`)
  const time = new Date(addedText('time'))
  const buriedAt = Number.isNaN(time.getTime()) ? delivery.publishedAt : time
  return {
    place: `${partition}/${offset}`,
    name: `${partition}/${offset}@${buriedAt.toISOString()}`,
    buriedAt,
    reason: addedText('reason'),
    channel: addedText('channel') || 'mail',
    attempts: Number.parseInt(addedText('attempts'), 10) || 0,
    origin: {
      topic: addedText('topic') || topic,
      partition: addedText('partition'),
      offset: addedText('offset'),
    },
    eventId: text('ce_id'),
    type: text('ce_type'),
    conversionId: text('ce_subject'),
    sizeBytes: Number.parseInt(addedText('value_bytes'), 10) || value.byteLength,
    stub: addedText('dropped').split(',').includes('value'),
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
