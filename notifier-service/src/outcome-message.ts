import { hash } from 'node:crypto'
import type { Message } from '@herald/broker'
import { toOutcomeMessage } from '@herald/broker/outcome-message'
import { type OutcomeEvent, outcomeTypes } from '@herald/proto/outcomes'
import type { Channel } from './channel.js'
import type { NamedMail } from './ledger/ledger.js'

const maxReply = 2000

/** The event about a mail's final outcome; the same outcome gives the same bytes. */
export function outcomeMessage(
  { event, record }: NamedMail,
  { name: channel }: Pick<Channel, 'name'>,
): Message {
  const { updatedAt, state, attempts } = record
  const notification = {
    conversionId: record.conversionId ?? '',
    runId: record.runId ?? '',
    eventIds: [...record.eventIds],
    recipient: record.recipient,
    messageId: record.messageId,
    channel,
  }
  const reply = record.reply.slice(0, maxReply)
  const common = { notification, attempts, firstAttemptAtUnixMs: record.firstAttemptAt }
  const outcome: OutcomeEvent =
    state === 'accepted'
      ? { type: outcomeTypes.delivered, data: { ...common, reply, deliveredAtUnixMs: updatedAt } }
      : {
          type: outcomeTypes.failed,
          data: {
            ...common,
            reason: reply,
            failedAtUnixMs: updatedAt,
            // Records of earlier versions have the state alone.
            possiblyDelivered: record.possiblyDelivered ?? state === 'unknown',
          },
        }
  // Ids of mails are those of 0.1.0; the same event may have an outcome on every channel.
  const named = channel === 'mail' ? [] : [channel]
  const id = uuidOf([event.source, event.id, state, record.replay ?? '', ...named])
  return toOutcomeMessage(
    {
      id,
      source: channel === 'mail' ? '/herald/notifier' : `/herald/${channel}`,
      time: new Date(updatedAt),
      subject: event.id,
    },
    outcome,
  )
}

/** A UUID of version 8 (RFC 9562 §5.8) that follows from `parts`. */
function uuidOf(parts: readonly string[]): string {
  const hex = hash('sha256', JSON.stringify(parts), 'hex')
  // The variant is the two bits 10, before two of the hash.
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) & 0x3]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
