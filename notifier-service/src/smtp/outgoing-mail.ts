/** A mail as it goes over the wire. */
export interface OutgoingMail {
  /** Envelope addresses, without angle brackets. */
  readonly from: string
  readonly to: string
  /**
   * Every line ends with CRLF. A function, which gives the same at each call, composes them while
   * the server looks at the envelope, to which their size is then unknown: for mails far below 1 MiB.
   */
  readonly bytes: Buffer | (() => Buffer)
  /** Asked when a connection is free; if false, nothing is sent and the outcome is `postponed`. Default true. */
  readonly isWanted?: () => boolean
}
