import { classify, enhancedCodeOf, type FailureClass } from './failure-classes.js'

/** How one attempt to hand a mail over ended. `reply` and `reason` are for logs and for the ledger. */
export type SendOutcome =
  /** The server answered 2xx to the body: it is the server's now. */
  | { readonly kind: 'accepted'; readonly reply: string }
  /** The server refused this mail for now. It has not taken it. */
  | { readonly kind: 'deferred'; readonly reply: string; readonly failure?: FailureClass }
  /** The server takes no mail this large. It has not taken it. */
  | { readonly kind: 'tooLarge'; readonly reply: string; readonly failure?: FailureClass }
  /** The server will never take this mail, or it cannot be put to it. It has not taken it. */
  | { readonly kind: 'refused'; readonly reply: string; readonly failure?: FailureClass }
  /** The server is down, busy, misconfigured or wants other credentials. It has not taken the mail. */
  | { readonly kind: 'outage'; readonly reason: string; readonly failure?: FailureClass }
  /** The connection ended between the first byte of the body and the reply: it may have taken it. */
  | { readonly kind: 'unknown'; readonly reason: string }

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

/** Reads a failed attempt: the server's reply by the table of failure classes, RFC 5321 §6.1 where there is none. */
export function judge(failure: SmtpFailure, phase: SendPhase): SendOutcome {
  const reply = failure.response ?? failure.message
  const refusal = classify({
    command: phase === 'body' ? 'DATA' : (failure.command ?? 'CONN'),
    code: failure.responseCode ?? 0,
    status: enhancedCodeOf(reply),
  })
  if (refusal !== undefined) {
    const { name, rule } = refusal
    switch (rule) {
      case 'park':
        return { kind: 'deferred', reply, failure: name }
      case 'pause':
        return { kind: 'outage', reason: reply, failure: name }
      case 'resend-smaller':
        return { kind: 'tooLarge', reply, failure: name }
      case 'dead-letter':
        return { kind: 'refused', reply, failure: name }
    }
  }
  if (phase === 'body') return { kind: 'unknown', reason: failure.message }
  // Without a reply, only what nodemailer found wrong with the mail itself is the mail's fault.
  if (failure.code === 'EMESSAGE') return { kind: 'tooLarge', reply, failure: 'too large' }
  if (failure.code === 'EENVELOPE') {
    return { kind: 'refused', reply, failure: 'refused for good' }
  }
  return { kind: 'outage', reason: reply }
}
