/**
 * How one attempt to hand a mail over ended. `reply` and `reason` are for logs and for the ledger;
 * `failure` is the class of a refusal, where the channel has such; `retryAfterMs` is how long the
 * other side asked to be left alone.
 */
export type SendOutcome =
  /** The other side said yes to the whole of it: it is its own now. */
  | { readonly kind: 'accepted'; readonly reply: string }
  /** It refused this mail for now. It has not taken it. */
  | {
      readonly kind: 'deferred'
      readonly reply: string
      readonly failure?: string
      readonly retryAfterMs?: number | undefined
    }
  /** It takes no mail this large. It has not taken it. */
  | { readonly kind: 'tooLarge'; readonly reply: string; readonly failure?: string }
  /** It will never take this mail, or the mail cannot be put to it. It has not taken it. */
  | { readonly kind: 'refused'; readonly reply: string; readonly failure?: string }
  /** It is down, busy, misconfigured or wants other credentials. It has not taken the mail. */
  | {
      readonly kind: 'outage'
      readonly reason: string
      readonly failure?: string
      readonly retryAfterMs?: number | undefined
    }
  /** The connection ended between the first byte of the body and the reply: it may have taken it. */
  | { readonly kind: 'unknown'; readonly reason: string }
