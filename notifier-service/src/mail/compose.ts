import { hash } from 'node:crypto'
import type { EventEnvelope, ReceivedEvent } from '@herald/broker/message'
import { inOrder } from './mail-draft.js'
import type { ContentOptions, MailWriter } from './mail-writer.js'
import { folded, mailboxHeader, multipart, picturePart, textHeader, textPart } from './mime.js'

export interface MailHeaders extends ContentOptions {
  /** A mailbox: `Herald <herald@localhost>`. */
  readonly from: string
  /** An address alone. */
  readonly to: string
  readonly messageId: string
}

/**
 * The mail about one event, or the digest of several, as bytes. The same events, headers and
 * templates give the same bytes: nothing depends on the clock or on chance. A mail that is sent
 * again has the same Message-ID and Date, by which receivers recognise it.
 */
export function composeMail(
  writer: MailWriter,
  events: readonly ReceivedEvent[],
  headers: MailHeaders,
): Buffer {
  const content = writer.write(events, headers)
  // Neither quoted-printable nor base64 ever contains `=_` (RFC 2045 §6.7).
  const boundary = `=_herald-${digest(headers.messageId).slice(0, 24)}`
  const html = textPart('text/html', content.html)
  const pictures = content.pictures.map(picturePart)
  const { header, body } = multipart('alternative', `${boundary}-1`, [
    textPart('text/plain', content.text),
    pictures.length === 0 ? html : multipart('related', `${boundary}-2`, [html, ...pictures]),
  ])
  const date = new Date(Math.max(...events.map(({ envelope }) => envelope.time.getTime())))
  const ids = inOrder(events).map(({ envelope }) => plainId(envelope))
  const head =
    folded('Auto-Submitted', 'auto-generated') +
    // Not `All`, which suppresses delivery reports too: bounces are wanted (MS-OXCMAIL 2.1.3.2.20).
    folded('X-Auto-Response-Suppress', 'OOF, AutoReply') +
    folded('Content-Language', content.language) +
    folded('X-Herald-Event', ids.join(' ')) +
    mailboxHeader('From', headers.from) +
    // Spam filters count an address without brackets against a mail.
    folded('To', `<${headers.to}>`) +
    textHeader('Subject', content.subject) +
    folded('Message-ID', headers.messageId) +
    folded('Date', date.toUTCString().replace('GMT', '+0000')) +
    folded('MIME-Version', '1.0') +
    header
  // An address may contain more than ASCII; bodies never do.
  return Buffer.from(`${head}\r\n${body}`, isAscii(head) ? 'latin1' : 'utf8')
}

/** The one Message-ID of a mail about this event alone, at the sender's domain. */
export function messageIdOf(envelope: EventEnvelope, from: string): string {
  const domain = /@([A-Za-z0-9.-]+)>?\s*$/.exec(from)?.[1] ?? 'localhost'
  return `<${plainId(envelope)}@${domain}>`
}

/** The event's id if it is a UUID: one of another program may contain anything. */
function plainId({ id, source }: EventEnvelope): string {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : digest(`${source}\n${id}`)
}

const isAscii = (text: string) => /^[\0-\x7f]*$/.test(text)

function digest(text: string): string {
  return hash('sha256', text, 'hex')
}
