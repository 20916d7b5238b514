import type { SmtpFailure } from './judge.js'
import type { OutgoingMail } from './smtp-session.js'

/** A line of SMTP, and the first digit of the answer that says yes to it. */
export interface Command {
  readonly name: 'MAIL FROM' | 'RCPT TO' | 'DATA'
  readonly line: string
  readonly wants: 2 | 3
}

type Extensions = ReadonlyMap<string, string>

/** The commands before the body. RFC 1870: SIZE; RFC 6531: SMTPUTF8. */
export function envelopeOf({ from, to, bytes }: OutgoingMail, offered: Extensions): Command[] {
  const size = offered.has('SIZE') ? ` SIZE=${bytes.length}` : ''
  const utf8 = offered.has('SMTPUTF8') && !isAscii(from + to) ? ' SMTPUTF8' : ''
  return [
    { name: 'MAIL FROM', line: `MAIL FROM:<${from}>${utf8}${size}\r\n`, wants: 2 },
    { name: 'RCPT TO', line: `RCPT TO:<${to}>\r\n`, wants: 2 },
    { name: 'DATA', line: 'DATA\r\n', wants: 3 },
  ]
}

/** Why the mail cannot be put to this server at all. */
export function faultIn(
  { from, to, bytes }: OutgoingMail,
  offered: Extensions,
): SmtpFailure | undefined {
  for (const address of [from, to]) {
    if (/[\r\n<>]/.test(address)) return { code: 'EENVELOPE', message: 'An address is none.' }
  }
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
