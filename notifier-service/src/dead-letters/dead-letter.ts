import type { Delivery, Message } from '@herald/broker'
import { replayChannelHeader, replayHeader } from './replay-mark.js'

/** An event that can never become a mail, as it is in the dead-letter topic. */
export interface DeadLetter {
  /** In the dead-letter topic. */
  readonly position: string
  /** Unique, also after the topic was deleted and created again. */
  readonly name: string
  /** When it was published there. */
  readonly addedAt: Date
  /** One sentence: why. */
  readonly reason: string
  /** The channel that failed: `mail`, `webhook`. */
  readonly channel: string
  /** Attempts at the mail server. */
  readonly attempts: number
  /** The event it was made of. Partition and offset are empty if its broker has none. */
  readonly origin: {
    readonly topic: string
    readonly position: string
    readonly partition: string
    readonly offset: string
  }
  /** CloudEvents' id; empty if it has none that can be read. */
  readonly eventId: string
  readonly type: string
  readonly conversionId: string
  readonly sizeBytes: number
  /** The value was too large to be kept beside the reason: only the original topic has it. */
  readonly withoutValue: boolean
  /** The original message: bytes, key and headers. */
  readonly message: Message
}

const headerPrefix = 'herald_dead_letter_'

/** Reads a dead letter. `topic`: the original one, if the dead letter does not name it. */
export function readDeadLetter(delivery: Delivery, topic: string): DeadLetter {
  const { headers, key, value, position, raw } = delivery
  const text = (name: string) => Buffer.from(headers[name] ?? []).toString()
  const addedText = (name: string) => text(`${headerPrefix}${name}`)
  const time = new Date(addedText('time'))
  const addedAt = Number.isNaN(time.getTime()) ? delivery.publishedAt : time
  return {
    position,
    name: `${position}@${addedAt.toISOString()}`,
    addedAt,
    reason: addedText('reason'),
    channel: addedText('channel') || 'mail',
    attempts: Number.parseInt(addedText('attempts'), 10) || 0,
    origin: {
      topic: addedText('topic') || topic,
      // Herald 0.1.0 added partition and offset only.
      position: addedText('position') || `${addedText('partition')}/${addedText('offset')}`,
      partition: addedText('partition'),
      offset: addedText('offset'),
    },
    eventId: text('ce_id'),
    type: text('ce_type'),
    conversionId: text('ce_subject'),
    sizeBytes: Number.parseInt(addedText('value_bytes'), 10) || value.byteLength,
    withoutValue: addedText('dropped').split(',').includes('value'),
    message: {
      key,
      value,
      headers: originalHeaders(headers),
      ...(raw && { raw: { key: raw.key, headers: originalHeaders(raw.headers) } }),
    },
  }
}

/** The headers without those that Herald added to the dead letter. */
function originalHeaders<T>(headers: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) =>
        !name.startsWith(headerPrefix) && ![replayHeader, replayChannelHeader].includes(name),
    ),
  )
}
