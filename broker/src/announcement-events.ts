import type { Message } from './broker.js'
import type { OutboxEvent } from './outbox.js'

/** What tells the event of a message from others. */
export const eventOf = ({ headers }: Message): OutboxEvent => ({
  id: text(headers['ce_id']),
  subject: text(headers['ce_subject']),
})

/** The bytes of keys, values and headers. */
export function messageBytes(messages: readonly Message[]): number {
  let bytes = 0
  for (const { key, value, headers } of messages) {
    bytes += Buffer.byteLength(key ?? '') + value.byteLength
    for (const [name, header] of Object.entries(headers)) bytes += name.length + header.byteLength
  }
  return bytes
}

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString()
