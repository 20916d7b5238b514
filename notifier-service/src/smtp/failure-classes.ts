import type { SendResult, Suspect } from '../send-result.js'

/** What the server said, and to what. */
export interface SmtpRefusal {
  /** `CONN`, `EHLO`, `MAIL FROM`, `RCPT TO`, `DATA` (the command or the body). */
  readonly command: string
  /** 400 to 599. */
  readonly code: number
  /** The whole reply. */
  readonly reply: string
}

/**
 * What happens.
 * To this recipient: `retry` parks the key and tries the mail again; `give up` ends it at once.
 * To this mail: `resend smaller` sends it once more without its preview, then gives it up;
 * `doubt` counts an attempt and gives the mail up after few, unless other mails fare the same.
 * To the server: `suspect` costs no attempt and pauses intake if other mails fare the same;
 * `pause` pauses intake at once; `pause long` as well, and only a person can correct it.
 */
export type FailureRule =
  | 'retry'
  | 'give up'
  | 'resend smaller'
  | 'doubt'
  | 'suspect'
  | 'pause'
  | 'pause long'

interface Row {
  readonly name: string
  readonly rule: FailureRule
  /** To which commands; default any. */
  readonly to?: readonly string[]
  readonly code?: RegExp
  /** The enhanced code of RFC 3463, such as `5.1.1`. */
  readonly status?: RegExp
  /** Matches also, on the same commands, if the reply has no enhanced code. */
  readonly bareCode?: RegExp
  readonly text?: RegExp
}

const session = ['CONN', 'EHLO', 'MAIL FROM']
const mail = ['MAIL FROM']
const recipient = ['RCPT TO']
const recipientOrBody = ['RCPT TO', 'DATA']

/** What servers say of limits, and of senders they do not know, with whatever code. */
const ofLimits = /not (?:been )?verified|unverified|authenticat|quota|\blimit|too many|\brate\b/i
const ofRelaying = /\brelay|rcpthosts|\bblock|blacklist|reputation/i

/**
 * The first row that matches says what a refusal is. Reply codes: RFC 5321 §4.2.2, RFC 4954;
 * enhanced codes: RFC 3463, RFC 5248. Only a code that names the recipient ends a mail at once:
 * whatever else is refused may be refused to everybody.
 */
export const failureClasses = [
  { name: 'server down', rule: 'pause', to: session, code: /^421$/ },
  { name: 'server busy', rule: 'suspect', code: /^421$/ },
  { name: 'authentication', rule: 'pause long', code: /^(530|534|535|538)$/ },
  { name: 'authentication', rule: 'pause long', to: session, code: /^454$/ },
  { name: 'sender refused', rule: 'pause long', status: /^5\.1\.[78]$/ },
  {
    name: 'too large',
    rule: 'resend smaller',
    to: [...mail, 'DATA'],
    code: /^5/,
    status: /^5\.(2\.3|3\.4)$/,
    bareCode: /^(523|552)$/,
  },
  { name: 'too large', rule: 'resend smaller', code: /^5/, status: /^5\.(2\.3|3\.4)$/ },
  { name: 'server full', rule: 'suspect', code: /^452$/, status: /^4\.3\./, bareCode: /./ },
  { name: 'sender refused', rule: 'pause long', to: session, code: /^5/ },
  { name: 'server down', rule: 'pause', to: session },
  {
    name: 'mailbox full',
    rule: 'retry',
    to: recipientOrBody,
    status: /^[45]\.2\.2$/,
    bareCode: /^552$/,
  },
  {
    name: 'recipient gone',
    rule: 'give up',
    to: recipientOrBody,
    code: /^5/,
    status: /^5\.(1\.([12369]|10)|2\.1)$/,
  },
  { name: 'greylisted', rule: 'retry', to: recipientOrBody, code: /^4/, text: /gr[ea]y[ -]?list/i },
  { name: 'limit or policy', rule: 'suspect', status: /^([45]\.3\.[0-3]|5\.4\.5|4\.7\.)/ },
  { name: 'limit or policy', rule: 'suspect', to: recipient, status: /^5\.7\./ },
  { name: 'limit or policy', rule: 'suspect', code: /^5/, text: ofLimits },
  { name: 'limit or policy', rule: 'suspect', to: recipient, code: /^5/, text: ofRelaying },
  { name: 'mailbox busy', rule: 'retry', to: recipientOrBody, code: /^4/ },
  { name: 'recipient refused', rule: 'doubt', to: recipient, code: /^5/ },
  { name: 'content refused', rule: 'doubt', code: /^5/ },
] as const satisfies readonly Row[]

/** The outcome by the first of `rows` that matches; undefined if the reply is not a refusal. */
export function classify(
  refusal: SmtpRefusal,
  rows: readonly (typeof failureClasses)[number][] = failureClasses,
): SendResult | undefined {
  if (refusal.code < 400 || refusal.code > 599) return undefined
  const row = rows.find((each) => matches(each, refusal))
  return row && outcomeOf(row, refusal)
}

function outcomeOf({ name: failure, rule }: Row, { reply, code }: SmtpRefusal): SendResult {
  const doubt = (about: Suspect['about']): Suspect => {
    const permanent = code >= 500
    return { kind: 'suspect', reply, failure, about, ...(permanent ? { permanent } : {}) }
  }
  switch (rule) {
    case 'retry':
      return { kind: 'deferred', reply, failure }
    case 'give up':
      return { kind: 'refused', reply, failure }
    case 'resend smaller':
      return { kind: 'tooLarge', reply, failure }
    case 'doubt':
      return doubt('mail')
    case 'suspect':
      return doubt('server')
    case 'pause':
      return { kind: 'outage', reason: reply, failure }
    case 'pause long':
      return { kind: 'outage', reason: reply, failure, lasting: true }
  }
}

function matches(row: Row, { command, code, reply }: SmtpRefusal): boolean {
  if (row.to !== undefined && !row.to.includes(command)) return false
  if (row.code !== undefined && !row.code.test(String(code))) return false
  if (row.text !== undefined && !row.text.test(reply)) return false
  const status = enhancedCodeOf(reply)
  if (status === '' && row.bareCode !== undefined) return row.bareCode.test(String(code))
  return row.status === undefined ? row.bareCode === undefined : row.status.test(status)
}

/** The enhanced code of a reply: `550 5.1.1 …`, `550-5.1.1 …`. */
export function enhancedCodeOf(reply: string): string {
  return /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})(?!\d)/.exec(reply.trim())?.[1] ?? ''
}
