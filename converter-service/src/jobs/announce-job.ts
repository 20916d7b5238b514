import { createHash } from 'node:crypto'
import { type Broker, type Message, maxMessageBytes } from '@herald/broker'
import { messageBytes } from '@herald/broker/check-request'
import type { ReceivedCommand } from '@herald/broker/convert-command'
import { toMessage } from '@herald/broker/message'
import { eventTypes, type HeraldEvent } from '@herald/proto/events'
import type { ReceivedJobEnded } from '@herald/proto/jobs'

/** `ce_source` of what a worker announces. */
const source = '/herald/worker'

/**
 * The announcement of how a job ended, one message for each recipient; none for a cancelled job.
 * The same each time: it is made from what the blob store keeps, and its ids are derived from the job.
 */
export function announcementOf(
  { command, traceparent }: ReceivedCommand,
  ended: ReceivedJobEnded,
): Message[] {
  const messages = messagesOf(command, traceparent, ended)
  if (!messages.some((message) => messageBytes(message) > maxMessageBytes)) return messages
  const { converted } = ended
  const smaller = { ...ended, converted: converted && { ...converted, preview: null } }
  return messagesOf(command, traceparent, smaller)
}

function messagesOf(
  { jobId, recipients }: ReceivedCommand['command'],
  traceparent: string | undefined,
  { converted, failed, endedAtUnixMs }: ReceivedJobEnded,
): Message[] {
  return recipients.flatMap((recipient, index) => {
    const event: HeraldEvent | undefined = converted
      ? { type: eventTypes.fileConverted, data: { ...converted, recipient } }
      : failed
        ? { type: eventTypes.conversionFailed, data: { ...failed, recipient } }
        : undefined
    if (event === undefined) return []
    const envelope = {
      id: derivedId(jobId, `${event.type}/${index}`),
      source,
      time: new Date(endedAtUnixMs),
      subject: jobId,
      ...(traceparent === undefined ? {} : { traceparent }),
    }
    return [toMessage(envelope, event)]
  })
}

/** A UUIDv7 with the time of `id`, and a hash of both arguments as its random bits (RFC 9562, 5.7). */
function derivedId(id: string, name: string): string {
  const hash = createHash('sha256').update(`${id}/${name}`).digest('hex')
  const variant = ((Number.parseInt(hash.charAt(3), 16) & 3) | 8).toString(16)
  return `${id.slice(0, 14)}7${hash.slice(0, 3)}-${variant}${hash.slice(4, 7)}-${hash.slice(7, 19)}`
}

/** Publishes a command, byte for byte, with the reason why its job failed. */
export async function publishDeadLetter(
  broker: Broker,
  topic: string,
  { key, value, headers }: Message,
  reason: string,
): Promise<void> {
  const added = {
    herald_dead_letter_reason: reason.slice(0, 500),
    herald_dead_letter_topic: topic,
    herald_dead_letter_time: new Date().toISOString(),
  }
  const texts = Object.entries(added).map(([name, text]) => [name, Buffer.from(text)])
  const message = { key, value, headers: { ...headers, ...Object.fromEntries(texts) } }
  await broker.publish(deadLetterTopic(topic), [message])
}

/** Of both topics of commands one: those of high priority are marked by their topic. */
export const deadLetterTopic = (topic: string) => `${topic}.dead-letter`
