import { createHash } from 'node:crypto'
import type { Message } from '@herald/broker'
import { toOutcomeMessage } from '@herald/broker/outcome-message'
import { type OutcomeEvent, outcomeTypes } from '@herald/proto/outcomes'
import type { Channel } from './channel.js'
import type { PendingOutcome } from './ledger/ledger.js'

const maxReply = 2000

/** The event that tells a mail's outcome; the same outcome gives the same bytes. */
export function outcomeMessage(
  { event, record }: PendingOutcome,
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
            possiblyDelivered: state === 'unknown',
          },
        }
  // As it always was for a mail; the same event may have an outcome on every channel.
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
  const bytes = createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16)
  bytes.writeUInt8(((bytes[6] ?? 0) & 0x0f) | 0x80, 6)
  bytes.writeUInt8(((bytes[8] ?? 0) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return [8, 12, 16, 20, 32]
    .map((end, index) => hex.slice([0, 8, 12, 16, 20][index], end))
    .join('-')
}
