/**
 * What the server does about a mail: takes it and says 250; takes it and loses the 250 with the
 * connection; cuts the connection without taking it; says nothing; or refuses it
 * (`450 later`).
 */
export type Verdict = 'take' | 'lose' | 'cut' | 'hang' | `${4 | 5}${number} ${string}`

/** One mail on its way through the server, from the 354 on. Times are milliseconds since 1970. */
export interface Send {
  /** The listener it came in by, from 0. */
  readonly door: number
  /** By 354, over all doors, from 1. */
  readonly sequence: number
  readonly recipient: string
  readonly startedAt: number
  /** Undefined until the body is whole. */
  eventId: string | undefined
  /** All events of a digest. */
  eventIds: readonly string[]
  bodyAt: number | undefined
  /** Its place among the bodies that came whole, from 1. */
  bodySequence: number | undefined
  /** What became of it; undefined until that is decided, which is when the body is whole. */
  verdict: Verdict | undefined
  repliedAt: number | undefined
  /** The connection was open when the reply went out. */
  replied: boolean
  /** The connection ended before a reply. */
  closedAt: number | undefined
}
