import type { SmtpFailure } from './judge.js'
import type { OutgoingMail } from './outgoing-mail.js'

/** A line of SMTP, and the first digit of the answer that says yes to it. */
export interface Command {
  readonly name: 'MAIL FROM' | 'RCPT TO' | 'DATA'
  readonly line: string
  readonly wants: 2 | 3
}

type Extensions = ReadonlyMap<string, string>

/**
 * The commands before the body. RFC 1870: SIZE, which is named where `bytes` are there already;
 * RFC 6531: SMTPUTF8.
 */
export function envelopeOf(
  { from, to }: OutgoingMail,
  bytes: Buffer | undefined,
  offered: Extensions,
): Command[] {
  const size = bytes !== undefined && offered.has('SIZE') ? ` SIZE=${bytes.length}` : ''
  const utf8 = offered.has('SMTPUTF8') && !isAscii(from + to) ? ' SMTPUTF8' : ''
  return [
    { name: 'MAIL FROM', line: `MAIL FROM:<${from}>${utf8}${size}\r\n`, wants: 2 },
    { name: 'RCPT TO', line: `RCPT TO:<${to}>\r\n`, wants: 2 },
    { name: 'DATA', line: 'DATA\r\n', wants: 3 },
  ]
}

/** Whether a mail of an ordinary size is sure to be small enough for this server. */
export function takesOrdinary(offered: Extensions): boolean {
  const most = Number(offered.get('SIZE') ?? 0)
  return most === 0 || most >= 1024 * 1024
}

/** Why an address cannot be put to a server at all. */
export function addressFault({ from, to }: OutgoingMail): SmtpFailure | undefined {
  for (const address of [from, to]) {
    if (/[\r\n<>]/.test(address)) return { code: 'EENVELOPE', message: 'An address is none.' }
  }
  return undefined
}

/** Why the bytes cannot be put to this server. */
export function sizeFault(bytes: Buffer, offered: Extensions): SmtpFailure | undefined {
  const most = Number(offered.get('SIZE') ?? 0)
  if (most > 0 && bytes.length > most) {
    const message = `The mail has ${bytes.length} bytes; the mail server takes ${most}.`
    return { code: 'EMESSAGE', message }
  }
  return undefined
}

export function isAscii(text: string): boolean {
  return !/[^\x20-\x7e]/.test(text)
}
