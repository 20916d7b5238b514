/**
 * What is done about a mail that the server did not take.
 * `park`: this key waits and the mail is tried again. `pause`: nothing is sent until the server
 * can be used again; it is no mail's fault. `dead-letter`: the mail is given up at once.
 * `resend-smaller`: once more without the preview, then given up.
 */
export type FailureRule = 'park' | 'pause' | 'dead-letter' | 'resend-smaller'

export type FailureClass = (typeof failureClasses)[number]['name']

/** What the server said, and to what. */
export interface SmtpRefusal {
  /** `CONN`, `EHLO`, `MAIL FROM`, `RCPT TO`, `DATA` (the command or the body). */
  readonly command: string
  /** 400 to 599. */
  readonly code: number
  /** The enhanced code of RFC 3463, such as `5.1.1`; empty where the reply has none. */
  readonly status: string
}

interface Row {
  readonly name: string
  readonly rule: FailureRule
  /** To which commands; default any. */
  readonly to?: readonly string[]
  readonly code?: RegExp
  readonly status?: RegExp
  /** Matches also, on the same commands, where the reply has no enhanced code. */
  readonly bareCode?: RegExp
}

const mail = ['MAIL FROM']
const recipientOrBody = ['RCPT TO', 'DATA']

/**
 * The first row that matches says what a refusal is. Reply codes: RFC 5321 §4.2.2, RFC 4954;
 * enhanced codes: RFC 3463, RFC 5248. What is said of the sender or the session is every mail's
 * and must not send them all to the dead letters; what is said of one recipient must not hold up
 * the rest.
 */
export const failureClasses = [
  { name: 'server down', rule: 'pause', code: /^421$/ },
  { name: 'authentication', rule: 'pause', code: /^(530|534|535|538)$/ },
  { name: 'authentication', rule: 'pause', to: ['CONN', 'EHLO', ...mail], code: /^454$/ },
  { name: 'sender refused', rule: 'pause', status: /^5\.1\.[78]$/ },
  {
    name: 'too large',
    rule: 'resend-smaller',
    to: [...mail, 'DATA'],
    code: /^5/,
    status: /^5\.(2\.3|3\.4)$/,
    bareCode: /^(523|552)$/,
  },
  { name: 'too large', rule: 'resend-smaller', code: /^5/, status: /^5\.(2\.3|3\.4)$/ },
  { name: 'server full', rule: 'park', to: mail, code: /^452$/ },
  { name: 'sender refused', rule: 'pause', to: mail, code: /^5/ },
  { name: 'server down', rule: 'pause', to: ['CONN', 'EHLO', ...mail] },
  {
    name: 'mailbox full',
    rule: 'park',
    to: recipientOrBody,
    status: /^[45]\.2\.2$/,
    bareCode: /^552$/,
  },
  {
    name: 'recipient gone',
    rule: 'dead-letter',
    to: recipientOrBody,
    code: /^5/,
    status: /^5\.(1\.([12369]|10)|2\.1)$/,
  },
  {
    name: 'recipient gone',
    rule: 'dead-letter',
    to: ['RCPT TO'],
    code: /^(550|551|553)$/,
    bareCode: /./,
  },
  { name: 'mailbox busy', rule: 'park', to: recipientOrBody, code: /^4/ },
  { name: 'policy', rule: 'dead-letter', code: /^5/, status: /^5\.7\./, bareCode: /^(550|554)$/ },
  { name: 'refused for good', rule: 'dead-letter', code: /^5/ },
] as const satisfies readonly Row[]

export interface ClassifiedFailure {
  readonly name: FailureClass
  readonly rule: FailureRule
}

/** By the first of `rows` that matches; undefined for a reply that is no refusal. */
export function classify(
  refusal: SmtpRefusal,
  rows: readonly (typeof failureClasses)[number][] = failureClasses,
): ClassifiedFailure | undefined {
  if (refusal.code < 400 || refusal.code > 599) return undefined
  const row = rows.find((each) => matches(each, refusal))
  return row && { name: row.name, rule: row.rule }
}

function matches(row: Row, { command, code, status }: SmtpRefusal): boolean {
  if (row.to !== undefined && !row.to.includes(command)) return false
  if (row.code !== undefined && !row.code.test(String(code))) return false
  if (status === '' && row.bareCode !== undefined) return row.bareCode.test(String(code))
  return row.status === undefined ? row.bareCode === undefined : row.status.test(status)
}

/** The enhanced code of a reply: `550 5.1.1 …`, `550-5.1.1 …`. */
export function enhancedCodeOf(reply: string): string {
  return /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})(?!\d)/.exec(reply.trim())?.[1] ?? ''
}
