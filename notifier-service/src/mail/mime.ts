import { encodeWord, foldLines } from 'nodemailer/lib/mime-funcs'

/** A part of a mail: its own header, and its body in ASCII with CRLF at the end of each line. */
export interface Part {
  readonly header: string
  readonly body: string
}

/** Text that is quoted-printable already. */
export function textPart(mediaType: 'text/plain' | 'text/html', quoted: string): Part {
  return {
    header: `Content-Type: ${mediaType}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n`,
    body: quoted,
  }
}

/** A picture that the HTML beside it shows; neither name may need quotes. */
export function picturePart(picture: {
  readonly cid: string
  readonly mediaType: string
  readonly fileName: string
  readonly data: Uint8Array
}): Part {
  const { cid, mediaType, fileName, data } = picture
  const base64 = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')
  return {
    header:
      `Content-Type: ${mediaType}; name=${fileName}\r\nContent-ID: <${cid}>\r\n` +
      `Content-Transfer-Encoding: base64\r\nContent-Disposition: inline; filename=${fileName}\r\n`,
    body: inLines(base64),
  }
}

/** RFC 2045 §6.8: lines of 76. */
function inLines(base64: string): string {
  const lines: string[] = []
  for (let at = 0; at < base64.length; at += 76) lines.push(base64.slice(at, at + 76))
  return `${lines.join('\r\n')}\r\n`
}

/** RFC 2046 §5.1; `boundary` must occur in none of the parts. */
export function multipart(
  kind: 'alternative' | 'related',
  boundary: string,
  parts: readonly Part[],
): Part {
  return {
    header: `Content-Type: multipart/${kind};\r\n boundary="${boundary}"\r\n`,
    body: `${parts.map(({ header, body }) => `--${boundary}\r\n${header}\r\n${body}\r\n`).join('')}--${boundary}--\r\n`,
  }
}

/** A header of text that may hold anything, in encoded words where it must (RFC 2047). */
export function textHeader(name: string, text: string): string {
  return folded(name, isPlain(text) ? text : encodedWords(text))
}

/** A header of a mailbox with or without a name. */
export function mailboxHeader(name: string, mailbox: string): string {
  const [, given, address] = /^(.+) (<[^<>]+>)$/.exec(mailbox.trim()) ?? []
  if (given === undefined) return folded(name, mailbox.trim())
  const said = unquoted(given)
  if (!isPlain(said)) return folded(name, `${encodedWords(said)} ${address}`)
  // RFC 5322 §3.2.3: atoms may stand as they are.
  const isAtoms = /^[\w !#$%&'*+\-/=?^`{|}~]+$/.test(said)
  return folded(name, `${isAtoms ? said : `"${said.replace(/["\\]/g, '\\$&')}"`} ${address}`)
}

/** Quotes around a name are how it may be written (RFC 5322 §3.2.4), no part of it. */
function unquoted(phrase: string): string {
  const [, within] = /^"((?:[^"\\]|\\.)*)"$/.exec(phrase.trim()) ?? []
  return within === undefined ? phrase : within.replace(/\\(.)/g, '$1')
}

export function folded(name: string, value: string): string {
  const line = `${name}: ${value}`
  return `${line.length <= 76 ? line : foldLines(line, 76)}\r\n`
}

/** What looks like an encoded word would be read as one; many blanks could fold to a line of nothing else. */
const isPlain = (text: string) => /^[\x20-\x7e]*$/.test(text) && !/=\?| {2}/.test(text)

/** In the shorter of the two encodings; readable where most of it is Latin. */
function encodedWords(text: string): string {
  const beyondAscii = text.replace(/[\x20-\x7e]/g, '').length
  return encodeWord(text, beyondAscii * 2 > text.length ? 'B' : 'Q', 52)
}
