import PostalMime, { type Address } from 'postal-mime'

export interface MailAddress {
  /** Empty if the mail gives none. */
  readonly name: string
  readonly address: string
}

export interface MailAttachment {
  readonly fileName: string
  /** Its media type. */
  readonly mediaType: string
  /** Whether it is shown within the body. */
  readonly inline: boolean
  /** The Content-ID, for `cid:` links, without angle brackets; undefined if there is none. */
  readonly contentId: string | undefined
  readonly content: Uint8Array
}

/** A mail in an inbox. */
export interface Mail {
  /** The inbox's id for it. */
  readonly id: string
  /** The envelope's recipients, Bcc included. */
  readonly recipients: readonly string[]
  readonly subject: string
  readonly from: MailAddress
  readonly to: readonly MailAddress[]
  /** The Date header; undefined if there is none. */
  readonly date: Date | undefined
  /** With its angle brackets. */
  readonly messageId: string
  /** Empty if the mail has no such part. */
  readonly text: string
  /** Empty if the mail has no such part. */
  readonly html: string
  readonly attachments: readonly MailAttachment[]
  /** Header fields in the order of the mail, names in lower case, values decoded. */
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  /** The mail as received, one byte per character (latin1), with CRLF line ends. */
  readonly raw: string
}

/** Reads a mail from its raw bytes, so that both kinds of inbox give the same result. */
export async function readMail(
  id: string,
  recipients: readonly string[],
  bytes: Uint8Array,
): Promise<Mail> {
  const raw = Buffer.from(bytes)
    .toString('latin1')
    .replace(/(\r\n)*$/, '\r\n')
  const parsed = await PostalMime.parse(Buffer.from(raw, 'latin1'))
  return {
    id,
    recipients,
    subject: parsed.subject ?? '',
    from: mailboxes(parsed.from ? [parsed.from] : [])[0] ?? { name: '', address: '' },
    to: mailboxes(parsed.to ?? []),
    date: parsed.date === undefined ? undefined : new Date(parsed.date),
    messageId: parsed.messageId ?? '',
    text: parsed.text ?? '',
    html: parsed.html ?? '',
    attachments: parsed.attachments.map(
      ({ filename, mimeType, disposition, contentId, content }) => ({
        fileName: filename ?? '',
        mediaType: mimeType,
        inline: disposition === 'inline',
        contentId: contentId?.replace(/^<|>$/g, ''),
        content: typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content),
      }),
    ),
    headers: parsed.headers.map(({ key, value }) => ({ name: key, value })),
    raw,
  }
}

function mailboxes(addresses: readonly Address[]): MailAddress[] {
  return addresses.flatMap((entry) =>
    entry.group === undefined
      ? [{ name: entry.name, address: entry.address ?? '' }]
      : mailboxes(entry.group),
  )
}
