/**
 * How one attempt to hand a mail over ended. `reply` and `reason` are for logs and for the ledger;
 * `failure` is the class of a refusal, if the channel has classes; `retryAfterMs` is how long the
 * other side asked to be left alone.
 */
export type SendOutcome =
  /** The other side accepted the whole mail. */
  | { readonly kind: 'accepted'; readonly reply: string }
  /** It refused this recipient for now. It has not taken the mail. */
  | {
      readonly kind: 'deferred'
      readonly reply: string
      readonly failure?: string
      readonly retryAfterMs?: number | undefined
    }
  /** It takes no mail this large. It has not taken the mail. */
  | { readonly kind: 'tooLarge'; readonly reply: string; readonly failure?: string }
  /** It will never take this mail for this recipient. It has not taken the mail. */
  | { readonly kind: 'refused'; readonly reply: string; readonly failure?: string }
  | Suspect
  /** It cannot be used, whatever the mail. It has not taken the mail. */
  | {
      readonly kind: 'outage'
      readonly reason: string
      readonly failure?: string
      readonly retryAfterMs?: number | undefined
      /** Only a person can correct it, such as credentials: asking again soon is useless. */
      readonly lasting?: boolean
      /** A successful probe proves that it is over. */
      readonly seenByProbe?: boolean
    }
  /** Not attempted: it would hold up others. */
  | { readonly kind: 'postponed'; readonly reason: string; readonly retryAfterMs: number }
  /** The connection ended between the first byte of the body and the reply: it may have taken the mail. */
  | { readonly kind: 'unknown'; readonly reason: string }

/**
 * It refused or ignored the mail, and perhaps does so with every mail: only what becomes of other
 * mails can tell (server-health.ts). It has not taken the mail.
 */
export interface Suspect {
  readonly kind: 'suspect'
  readonly reply: string
  readonly failure?: string
  readonly retryAfterMs?: number | undefined
  /** What it is taken for until other mails tell: a `server` failure costs the mail no attempt. */
  readonly about: 'mail' | 'server'
  /** A refusal for good: if it is about this mail, the mail is given up after few attempts. */
  readonly permanent?: boolean
  /** No answer came. */
  readonly unanswered?: boolean
}
