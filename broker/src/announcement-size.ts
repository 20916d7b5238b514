import type { Announcement } from './outbox.js'

/** The bytes that its messages hold: keys, values and headers. */
export function announcementBytes({ messages }: Announcement): number {
  let bytes = 0
  for (const { key, value, headers } of messages) {
    bytes += Buffer.byteLength(key ?? '') + value.byteLength
    for (const [name, text] of Object.entries(headers)) bytes += name.length + text.byteLength
  }
  return bytes
}
