/**
 * What the server does with a mail: accepts it with 250; accepts it but cuts the connection before
 * the 250; cuts the connection without accepting it; does not reply; or refuses it (`450 later`).
 */
export type Verdict = 'accept' | 'lose-reply' | 'cut' | 'hang' | `${4 | 5}${number} ${string}`

/** One mail on its way through the server, from the 354 on. Times are milliseconds since 1970. */
export interface Send {
  /** The index of the listener that received it. */
  readonly listener: number
  /** In the order of the 354 replies, over all listeners, from 1. */
  readonly sequence: number
  readonly recipient: string
  readonly startedAt: number
  /** Undefined until the body is complete. */
  eventId: string | undefined
  /** All events of a digest. */
  eventIds: readonly string[]
  bodyAt: number | undefined
  /** Its position among the complete bodies, from 1. */
  bodySequence: number | undefined
  /** Undefined until the body is complete. */
  verdict: Verdict | undefined
  repliedAt: number | undefined
  /** The connection was open when the reply went out. */
  replied: boolean
  /** The connection ended before a reply. */
  closedAt: number | undefined
}
