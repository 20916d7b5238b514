import { createHash } from 'node:crypto'
import type { EventEnvelope, ReceivedEvent } from '@herald/broker/message'
import MailComposer from 'nodemailer/lib/mail-composer'
import type { LetterOptions, Letters } from './letters.js'
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
export async function composeMail(
  letters: Letters,
  events: readonly ReceivedEvent[],
  headers: MailHeaders,
): Promise<Buffer> {
  const letter = letters.composeLetter(events, headers)
  return new MailComposer({
    from: headers.from,
    // A name of nothing puts the address into brackets, for which spam filters look.
    to: { name: ' ', address: headers.to },
    subject: letter.subject,
    messageId: headers.messageId,
    date: new Date(Math.max(...events.map(({ envelope }) => envelope.time.getTime()))),
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'Content-Language': letter.language,
      'X-Herald-Event': inOrder(events)
        .map(({ envelope }) => plainId(envelope))
        .join(' '),
    },
    text: letter.text,
    html: letter.html,
    attachments: letter.attachments.map(({ cid, fileName, mediaType, data }) => ({
      cid,
      filename: fileName,
      contentType: mediaType,
      contentDisposition: 'inline',
      content: Buffer.from(data),
    })),
    baseBoundary: digest(headers.messageId).slice(0, 24),
    boundaryPrefix: '--herald',
    newline: 'win',
    disableFileAccess: true,
    disableUrlAccess: true,
  })
    .compile()
    .build()
}

/** The one Message-ID of a mail, named for its first event, at the sender's domain. */
export function messageIdOf(envelope: EventEnvelope, from: string): string {
  const domain = /@([A-Za-z0-9.-]+)>?\s*$/.exec(from)?.[1] ?? 'localhost'
  return `<${plainId(envelope)}@${domain}>`
}

/** The event's id where it is fit for a header: a stranger's may hold anything. */
function plainId({ id, source }: EventEnvelope): string {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : digest(`${source}\n${id}`)
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
