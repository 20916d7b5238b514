import type { PossibleServerFailure, SendResult } from './send-result.js'

/** What a server replied to one command of SMTP or to one request of HTTP. */
export interface ServerResponse {
  /** `CONN`, `EHLO`, `MAIL FROM`, `RCPT TO`, `DATA`, or `BODY`; of HTTP `POST`. */
  readonly command: string
  /** SMTP's reply code or HTTP's status; 0 if no reply came. */
  readonly code: number
  /** The whole reply, or why none came. */
  readonly reply: string
  /** How long the server asked to wait. */
  readonly retryAfterMs?: number | undefined
}

/**
 * What happens, for one of:
 *
 * the recipient: `retry` lets its mails wait and counts an attempt; `give up` publishes it to
 * the dead letters at once;
 *
 * the mail: `accept`; `resend smaller` sends it once more without its preview, then gives it up;
 * `retry a few times` counts an attempt and gives the mail up after three permanent refusals, but
 * is a failure of the server if other mails are refused in the same way; `unknown` means that the
 * mail may have been accepted;
 *
 * the server: `record server failure` counts no attempt, and pauses intake if three in a row fail
 * and none is accepted in between (server-health.ts); `pause` pauses intake at once; `pause long`
 * as well, and probes rarely, since only a person can correct it.
 */
export type Action =
  | 'accept'
  | 'retry'
  | 'give up'
  | 'resend smaller'
  | 'retry a few times'
  | 'unknown'
  | 'record server failure'
  | 'pause'
  | 'pause long'

interface Row {
  readonly name: string
  readonly action: Action
  /** Default: any command of SMTP. */
  readonly commands?: readonly string[]
  readonly code?: RegExp
  /** The enhanced code of RFC 3463, such as `5.1.1`. */
  readonly status?: RegExp
  /** Matches also, for the same commands, if the reply has no enhanced code. */
  readonly bareCode?: RegExp
  readonly text?: RegExp
}

const http = ['POST']
const session = ['CONN', 'EHLO', 'MAIL FROM']
const mail = ['MAIL FROM']
const recipient = ['RCPT TO']
const body = ['DATA', 'BODY']
const recipientOrBody = [...recipient, ...body]

/** No reply, or none that fits the command. */
const noReply = /^(?![45]\d\d$)/

/** Limits and unknown senders, which servers report with any code. */
const ofLimits = /not (?:been )?verified|unverified|authenticat|quota|\blimit|too many|\brate\b/i
const ofRelaying = /\brelay|rcpthosts|\bblock|blacklist|reputation/i

/**
 * What a response means: the first row that matches. SMTP's reply codes: RFC 5321 §4.2.2, RFC 4954;
 * enhanced codes: RFC 3463, RFC 5248. Only a code that names the recipient ends a mail at once:
 * anything else may be refused to every mail. Few of HTTP's statuses are about one event for
 * certain; most may come from a bad deployment, which must not empty the queue into the dead
 * letters.
 */
export const responseTable: readonly Row[] = [
  { name: 'accepted', action: 'accept', commands: http, code: /^2/ },
  { name: 'redirected', action: 'pause long', commands: http, code: /^3/ },
  { name: 'authentication', action: 'pause long', commands: http, code: /^(401|407)$/ },
  { name: 'request timed out', action: 'retry', commands: http, code: /^(408|425)$/ },
  { name: 'event refused', action: 'give up', commands: http, code: /^(410|422)$/ },
  { name: 'too large', action: 'resend smaller', commands: http, code: /^413$/ },
  { name: 'server down', action: 'record server failure', commands: http, code: /^(429|50[234])$/ },
  { name: 'event refused', action: 'retry a few times', commands: http, code: /^[4-9]/ },
  { name: 'reply lost', action: 'unknown', commands: ['BODY', ...http], code: noReply },
  // A server that greeted us and then is silent may be so because of the recipient.
  { name: 'no answer', action: 'record server failure', code: noReply },
  { name: 'server down', action: 'pause', commands: session, code: /^421$/ },
  { name: 'server busy', action: 'record server failure', code: /^421$/ },
  { name: 'authentication', action: 'pause long', code: /^(530|534|535|538)$/ },
  { name: 'authentication', action: 'pause long', commands: session, code: /^454$/ },
  { name: 'sender refused', action: 'pause long', status: /^5\.1\.[78]$/ },
  {
    name: 'too large',
    action: 'resend smaller',
    commands: [...mail, ...body],
    code: /^5/,
    status: /^5\.(2\.3|3\.4)$/,
    bareCode: /^(523|552)$/,
  },
  { name: 'too large', action: 'resend smaller', code: /^5/, status: /^5\.(2\.3|3\.4)$/ },
  {
    name: 'server full',
    action: 'record server failure',
    code: /^452$/,
    status: /^4\.3\./,
    bareCode: /./,
  },
  { name: 'sender refused', action: 'pause long', commands: session, code: /^5/ },
  { name: 'server down', action: 'pause', commands: session },
  {
    name: 'mailbox full',
    action: 'retry',
    commands: recipientOrBody,
    status: /^[45]\.2\.2$/,
    bareCode: /^552$/,
  },
  {
    name: 'recipient gone',
    action: 'give up',
    commands: recipientOrBody,
    code: /^5/,
    status: /^5\.(1\.([12369]|10)|2\.1)$/,
  },
  {
    name: 'greylisted',
    action: 'retry',
    commands: recipientOrBody,
    code: /^4/,
    text: /gr[ea]y[ -]?list/i,
  },
  {
    name: 'limit or policy',
    action: 'record server failure',
    status: /^([45]\.3\.[0-3]|5\.4\.5|4\.7\.)/,
  },
  {
    name: 'limit or policy',
    action: 'record server failure',
    commands: recipient,
    status: /^5\.7\./,
  },
  { name: 'limit or policy', action: 'record server failure', code: /^5/, text: ofLimits },
  {
    name: 'limit or policy',
    action: 'record server failure',
    commands: recipient,
    code: /^5/,
    text: ofRelaying,
  },
  { name: 'mailbox busy', action: 'retry', commands: recipientOrBody, code: /^4/ },
  { name: 'recipient refused', action: 'retry a few times', commands: recipient, code: /^5/ },
  { name: 'content refused', action: 'retry a few times', code: /^5/ },
  { name: 'unexpected reply', action: 'record server failure' },
]

/** What to do about `response`. */
export function resultOf(response: ServerResponse): SendResult {
  const row = responseTable.find((each) => matches(each, response))
  if (row === undefined)
    throw new RangeError(`No row matches ${response.command} ${response.code}.`)
  const { name: failure } = row
  const { command, code, reply, retryAfterMs } = response
  const possibleServerFailure = (about: PossibleServerFailure['about']): PossibleServerFailure => ({
    ...{ kind: 'possibleServerFailure', reply, failure, about, retryAfterMs },
    // HTTP has no refusal that is permanent by its status alone.
    permanent: code >= 500 && command !== 'POST',
    unanswered: noReply.test(String(code)),
  })
  switch (row.action) {
    case 'accept':
      return { kind: 'accepted', reply }
    case 'retry':
      return { kind: 'deferred', reply, failure, retryAfterMs }
    case 'give up':
      return { kind: 'refused', reply, failure }
    case 'resend smaller':
      return { kind: 'tooLarge', reply, failure }
    case 'unknown':
      return { kind: 'unknown', reason: reply }
    case 'retry a few times':
      return possibleServerFailure('mail')
    case 'record server failure':
      return possibleServerFailure('server')
    case 'pause':
      return { kind: 'outage', reason: reply, failure }
    case 'pause long':
      return { kind: 'outage', reason: reply, failure, lasting: true }
  }
}

/** Whether `row` is about such a response. */
export function matches(row: Row, { command, code, reply }: ServerResponse): boolean {
  if (row.commands === undefined ? command === 'POST' : !row.commands.includes(command))
    return false
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
