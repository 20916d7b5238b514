/**
 * How one attempt to send a mail ended. `reply` and `reason` are for the log and the ledger;
 * `failure` is the name of the row of the response table; `retryAfterMs` is how long the
 * receiving side asked to wait.
 */
export type SendResult =
  /** The whole mail was accepted. */
  | { readonly kind: 'accepted'; readonly reply: string }
  /** This recipient was refused temporarily. The mail was not accepted. */
  | {
      readonly kind: 'deferred'
      readonly reply: string
      readonly failure?: string
      readonly retryAfterMs?: number | undefined
    }
  /** The mail was rejected for its size. */
  | { readonly kind: 'tooLarge'; readonly reply: string; readonly failure?: string }
  /** This mail was rejected permanently for this recipient. */
  | { readonly kind: 'refused'; readonly reply: string; readonly failure?: string }
  | PossibleServerFailure
  /** The receiving side cannot be used for any mail. The mail was not accepted. */
  | {
      readonly kind: 'outage'
      readonly reason: string
      readonly failure?: string
      readonly retryAfterMs?: number | undefined
      /** Only a person can correct it, for example wrong credentials: retry rarely. */
      readonly lasting?: boolean
      /** A successful probe proves that it is over. */
      readonly provenByProbe?: boolean
    }
  /** Not attempted, because it would delay other mails. */
  | { readonly kind: 'postponed'; readonly reason: string; readonly retryAfterMs: number }
  /** The connection ended between the first byte of the body and the reply: the mail may have been accepted. */
  | { readonly kind: 'unknown'; readonly reason: string }

/**
 * The mail was refused or got no reply, perhaps like every other mail: only the results of other
 * mails can show that (server-health.ts). The mail was not accepted.
 */
export interface PossibleServerFailure {
  readonly kind: 'possibleServerFailure'
  readonly reply: string
  readonly failure?: string
  readonly retryAfterMs?: number | undefined
  /** What is assumed until other mails show it: a `server` failure does not count as an attempt of the mail. */
  readonly about: 'mail' | 'server'
  /** A permanent refusal: if it is about this mail, the mail is given up after a few attempts. */
  readonly permanent?: boolean
  /** No reply came. */
  readonly unanswered?: boolean
}
