import type { SendResult } from '../send-result.js'
import { classify } from './failure-classes.js'

/** How far the attempt had come when it ended. */
export type SendPhase =
  /** Before the server's 354, or after it and before the first byte of the body. */
  | 'envelope'
  /** At least one byte of the body was written. */
  | 'body'

/** What nodemailer says of a failure, as far as it matters here. */
export interface SmtpFailure {
  readonly message: string
  readonly code?: string | undefined
  readonly command?: string | undefined
  readonly response?: string | undefined
  readonly responseCode?: number | undefined
}

/** Reads a failed attempt: a reply by the table of failure classes, RFC 5321 §6.1 without one. */
export function judge(failure: SmtpFailure, phase: SendPhase): SendResult {
  const reply = failure.response ?? failure.message
  const answered = classify({
    command: phase === 'body' ? 'DATA' : (failure.command ?? 'CONN'),
    code: failure.responseCode ?? 0,
    reply,
  })
  if (answered !== undefined) return answered
  if (phase === 'body') return { kind: 'unknown', reason: failure.message }
  // Without a reply, only what nodemailer found wrong with the mail itself is about the mail.
  if (failure.code === 'EMESSAGE') return { kind: 'tooLarge', reply, failure: 'too large' }
  if (failure.code === 'EENVELOPE') {
    return { kind: 'refused', reply, failure: 'recipient refused' }
  }
  // A server that was there to greet us, and then hangs or leaves, may do so because of the recipient.
  return { kind: 'suspect', reply, failure: 'no answer', about: 'server', unanswered: true }
}
