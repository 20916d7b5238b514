import { createHash } from 'node:crypto'
import { type Broker, BrokerError, type Message } from '@herald/broker'
import type { Channel } from '../channel.js'
import type { KeptDelivery } from '../ledger/lanes.js'
import { positionOf } from '../ledger/mail-record.js'

/** Why an event will never become a mail. */
export interface DeadLetterReason {
  /** One sentence: what was wrong. */
  readonly reason: string
  /** Attempts at the mail server. */
  readonly attempts: number
}

/** Publishes events that will never become a mail to the dead-letter topic. */
export interface DeadLetterPublisher {
  /**
   * Resolves once the event is durable there, its bytes and headers unchanged. If the headers that
   * are added make it too large for a message, it is published without its foreign headers, or else
   * without its value, as noted in `herald_dead_letter_dropped` (`headers`, `headers,value`);
   * topic and position name the whole event, as long as the topic keeps it.
   */
  publish(delivery: KeptDelivery, reason: DeadLetterReason): Promise<void>
}

/** The topic for events of `topic` that cannot be delivered. */
export const deadLetterTopic = (topic: string) => `${topic}.dead-letter`

export function createDeadLetterPublisher(
  broker: Broker,
  channel: Pick<Channel, 'name'>,
): DeadLetterPublisher {
  return {
    async publish(delivery, { reason, attempts }) {
      const { partition, offset } = delivery
      const added = {
        herald_dead_letter_reason: reason.slice(0, 500),
        herald_dead_letter_attempts: String(attempts),
        herald_dead_letter_topic: delivery.topic,
        herald_dead_letter_position: positionOf(delivery),
        ...(partition !== undefined && { herald_dead_letter_partition: String(partition) }),
        ...(offset !== undefined && { herald_dead_letter_offset: offset }),
        herald_dead_letter_channel: channel.name,
        herald_dead_letter_time: new Date().toISOString(),
      }
      for (const shape of [whole, withoutForeignHeaders, reference]) {
        const message = withHeaders(shape(delivery), asHeaders(added))
        try {
          await broker.publish(deadLetterTopic(delivery.topic), [message])
          return
        } catch (error) {
          // Otherwise the event would be redelivered endlessly.
          if (shape === reference || !(error instanceof BrokerError && error.rejectsMessage))
            throw error
        }
      }
    },
  }
}

/** The message with headers added to its own, which stay as they are byte for byte. */
export function withHeaders(message: Message, added: Record<string, Uint8Array>): Message {
  const { raw } = message
  const repeatable = Object.entries(added).map(([name, value]) => [name, [value]] as const)
  return {
    ...message,
    headers: { ...message.headers, ...added },
    ...(raw && { raw: { ...raw, headers: { ...raw.headers, ...Object.fromEntries(repeatable) } } }),
  }
}

function whole({ key, value, headers, raw }: KeptDelivery): Message {
  // A message must have a value; readers ignore a space.
  return { key, value: value.length === 0 ? Buffer.from(' ') : value, headers, ...(raw && { raw }) }
}

const maxHeaderBytes = 1024

function withoutForeignHeaders(original: KeptDelivery): Message {
  const { key, value, headers } = whole(original)
  const kept = Object.entries(headers).filter(
    ([name, text]) =>
      /^(ce_[a-z]{1,20}|content-type|traceparent)$/.test(name) && text.length <= maxHeaderBytes,
  )
  const dropped = asHeaders({ herald_dead_letter_dropped: 'headers' })
  return { key, value, headers: { ...Object.fromEntries(kept), ...dropped } }
}

function reference(original: KeptDelivery): Message {
  const { key, headers } = withoutForeignHeaders(original)
  const { value } = original
  const dropped = asHeaders({
    herald_dead_letter_dropped: 'headers,value',
    herald_dead_letter_value_bytes: String(value.length),
    herald_dead_letter_value_sha256: createHash('sha256').update(value).digest('hex'),
  })
  const shortKey = key !== null && Buffer.byteLength(key) <= maxHeaderBytes ? key : null
  return { key: shortKey, value: Buffer.from(' '), headers: { ...headers, ...dropped } }
}

function asHeaders(texts: Readonly<Record<string, string>>): Record<string, Uint8Array> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, new Uint8Array(Buffer.from(text))]),
  )
}
