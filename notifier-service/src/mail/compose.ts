import { createHash } from 'node:crypto'
import type { EventEnvelope, ReceivedEvent } from '@herald/broker/message'
import { eventTypes } from '@herald/proto/events'
import MailComposer from 'nodemailer/lib/mail-composer'
import { convertedLetter } from './converted-letter.js'
import { failedLetter } from './failed-letter.js'
import { type Letter, pictureId, templateVersion } from './letter.js'

/** The template and language that mails are written in now. */
export const currentTemplate = `${templateVersion}/en`

export interface MailHeaders {
  /** A mailbox: `Herald <herald@localhost>`. */
  readonly from: string
  /** An address alone. */
  readonly to: string
  readonly messageId: string
  /** For a server that takes no mail as large as it is with its picture. Default false. */
  readonly withoutPreview?: boolean
}

/**
 * The mail that tells of an event, as bytes. The same event, headers and template give the same
 * bytes, so that a mail whose fate is unknown can be sent again and be recognised as the same.
 */
export async function composeMail(received: ReceivedEvent, headers: MailHeaders): Promise<Buffer> {
  const { envelope } = received
  const letter = writeLetter(received, headers.withoutPreview === true)
  return new MailComposer({
    from: headers.from,
    to: { name: '', address: headers.to },
    subject: letter.subject,
    messageId: headers.messageId,
    date: envelope.time,
    headers: {
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'Content-Language': 'en',
      'X-Herald-Event': plainId(envelope),
    },
    text: letter.text,
    html: letter.html.markup,
    attachments: letter.picture
      ? [
          {
            cid: pictureId,
            filename: letter.picture.fileName,
            contentType: letter.picture.mediaType,
            contentDisposition: 'inline',
            content: Buffer.from(letter.picture.data),
          },
        ]
      : [],
    baseBoundary: digest(headers.messageId).slice(0, 24),
    boundaryPrefix: '--herald',
    newline: 'win',
    disableFileAccess: true,
    disableUrlAccess: true,
  })
    .compile()
    .build()
}

function writeLetter({ event }: ReceivedEvent, withoutPreview: boolean): Letter {
  switch (event.type) {
    case eventTypes.fileConverted:
      return convertedLetter(withoutPreview ? { ...event.data, preview: null } : event.data)
    case eventTypes.conversionFailed:
      return failedLetter(event.data)
  }
}

/** The one Message-ID of an event's mail, at the sender's domain. */
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
