import { encodeWord, foldLines } from 'nodemailer/lib/mime-funcs'
import { encode, wrap } from 'nodemailer/lib/qp'
import { memoize } from './memoize.js'

/** A part of a mail: its own header, and its body in ASCII with CRLF at the end of each line. */
export interface Part {
  readonly header: string
  readonly body: string
}

/** RFC 2045 §6.7. `text`: lines end with LF. */
export function textPart(mediaType: 'text/plain' | 'text/html', text: string): Part {
  return {
    header: `Content-Type: ${mediaType}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n`,
    body: wrap(text.replaceAll('\n', '\r\n').replace(notLiteral, encodeRun)),
  }
}

/** What RFC 2045 §6.7 wants encoded: encoding these runs alone takes less time than the whole text. */
const notLiteral = /[^\t\n\r\x20-\x3c\x3e-\x7e]+|[\t ]+(?=[\r\n]|$)/g
const encodeRun = memoize((run: string) => encode(run))

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

/** A header of any text, in encoded words if it needs them (RFC 2047). */
export function textHeader(name: string, text: string): string {
  return folded(name, isPlain(text) ? text : encodedWords(text))
}

/** A header of a mailbox with or without a name. */
export function mailboxHeader(name: string, mailbox: string): string {
  const [, given, address] = /^(.+) (<[^<>]+>)$/.exec(mailbox.trim()) ?? []
  if (given === undefined) return folded(name, mailbox.trim())
  const shown = unquoted(given)
  if (!isPlain(shown)) return folded(name, `${encodedWords(shown)} ${address}`)
  // RFC 5322 §3.2.3: atoms need no quotes.
  const isAtoms = /^[\w !#$%&'*+\-/=?^`{|}~]+$/.test(shown)
  return folded(name, `${isAtoms ? shown : `"${shown.replace(/["\\]/g, '\\$&')}"`} ${address}`)
}

/** RFC 5322 §3.2.4: quotes around a name are not part of it. */
function unquoted(phrase: string): string {
  const [, within] = /^"((?:[^"\\]|\\.)*)"$/.exec(phrase.trim()) ?? []
  return within === undefined ? phrase : within.replace(/\\(.)/g, '$1')
}

export function folded(name: string, value: string): string {
  const line = `${name}: ${value}`
  return `${line.length <= 76 ? line : foldLines(line, 76)}\r\n`
}

/** Without what looks like an encoded word, and blanks in a row, which could fold to a blank line. */
const isPlain = (text: string) => /^[\x20-\x7e]*$/.test(text) && !/=\?| {2}/.test(text)

/** In the shorter of the two encodings. */
function encodedWords(text: string): string {
  const beyondAscii = text.replace(/[\x20-\x7e]/g, '').length
  return encodeWord(text, beyondAscii * 2 > text.length ? 'B' : 'Q', 52)
}
