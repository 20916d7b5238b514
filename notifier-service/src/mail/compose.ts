import { hash } from 'node:crypto'
import type { EventEnvelope, ReceivedEvent } from '@herald/broker/message'
import type { LetterOptions, Letters } from './letters.js'
import { folded, mailboxHeader, multipart, picturePart, textHeader, textPart } from './mime.js'
import { quotedPrintable } from './quoted-printable.js'
import { inOrder } from './write-letter.js'

export interface MailHeaders extends LetterOptions {
  /** A mailbox: `Herald <herald@localhost>`. */
  readonly from: string
  /** An address alone. */
  readonly to: string
  readonly messageId: string
}

/**
 * The mail that tells of one event, or the digest of several, as bytes. The same events, headers
 * and templates give the same bytes, so that a mail whose fate is unknown can be sent again and be
 * recognised as the same.
 */
export function composeMail(
  letters: Letters,
  events: readonly ReceivedEvent[],
  headers: MailHeaders,
): Buffer {
  const letter = letters.composeLetter(events, headers)
  // Neither quoted-printable nor base64 ever has `=_`, so no text can be taken for it (RFC 2045 §6.7).
  const boundary = `=_herald-${digest(headers.messageId).slice(0, 24)}`
  const html = textPart('text/html', quotedPrintable(letter.htmlPieces))
  const pictures = letter.attachments.map(picturePart)
  const { header, body } = multipart('alternative', `${boundary}-1`, [
    textPart('text/plain', quotedPrintable([letter.text])),
    pictures.length === 0 ? html : multipart('related', `${boundary}-2`, [html, ...pictures]),
  ])
  const date = new Date(Math.max(...events.map(({ envelope }) => envelope.time.getTime())))
  const ids = inOrder(events).map(({ envelope }) => plainId(envelope))
  const head =
    folded('Auto-Submitted', 'auto-generated') +
    // Not `All`, which suppresses delivery reports too: bounces are wanted (MS-OXCMAIL 2.1.3.2.20).
    folded('X-Auto-Response-Suppress', 'OOF, AutoReply') +
    folded('Content-Language', letter.language) +
    folded('X-Herald-Event', ids.join(' ')) +
    mailboxHeader('From', headers.from) +
    // Without brackets spam filters take it for the work of a machine that knows no better.
    folded('To', `<${headers.to}>`) +
    textHeader('Subject', letter.subject) +
    folded('Message-ID', headers.messageId) +
    folded('Date', date.toUTCString().replace('GMT', '+0000')) +
    folded('MIME-Version', '1.0') +
    header
  // An address may hold more than ASCII; bodies never do.
  return Buffer.from(`${head}\r\n${body}`, isAscii(head) ? 'latin1' : 'utf8')
}

/** The one Message-ID of a mail about this event alone, at the sender's domain. */
export function messageIdOf(envelope: EventEnvelope, from: string): string {
  const domain = /@([A-Za-z0-9.-]+)>?\s*$/.exec(from)?.[1] ?? 'localhost'
  return `<${plainId(envelope)}@${domain}>`
}

/** The event's id if it is fit for a header: a foreign one may contain anything. */
function plainId({ id, source }: EventEnvelope): string {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : digest(`${source}\n${id}`)
}

const isAscii = (text: string) => /^[\0-\x7f]*$/.test(text)

function digest(text: string): string {
  return hash('sha256', text, 'hex')
}
