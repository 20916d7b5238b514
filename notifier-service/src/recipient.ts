import { domainToASCII } from 'node:url'
import type { ReceivedHeraldEvent } from '@herald/proto/events'

const tooLong = { problem: 'The recipient is longer than an e-mail address can be.' }
/** More than any address has, blanks around it included; a longer text is not parsed. */
const maxUnits = 1000

/**
 * The recipient of an event as an envelope needs it (the domain in ASCII), or why no mail can be
 * sent to it.
 */
export function recipientOf(
  event: ReceivedHeraldEvent,
  fallback: string,
): { address: string } | { problem: string } {
  const raw = event.data.recipient?.address ?? ''
  if (raw.length > maxUnits) return tooLong
  const given = raw.trim() || fallback
  const at = given.lastIndexOf('@')
  const local = given.slice(0, at)
  const domain = domainToASCII(given.slice(at + 1))
  // The address becomes part of an SMTP command and a header: it must not end either.
  if (at < 1 || domain === '' || /[\s<>(),;:"\\@\p{C}]/u.test(local)) {
    return { problem: 'The recipient is not an e-mail address.' }
  }
  if (Buffer.byteLength(local) > 64 || domain.length > 255) {
    return tooLong
  }
  return { address: `${local}@${domain}` }
}
