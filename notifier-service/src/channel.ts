import type { ReceivedEvent } from '@herald/broker/message'
import type { MailIdentity, MailRecord } from './ledger/mail-record.js'
import type { SendOutcome } from './send-outcome.js'

/** What a channel settles about a mail before its first attempt. */
export type Addressing = Pick<MailIdentity, 'recipient' | 'from' | 'messageId' | 'template'>

/** A mail (or whatever the channel makes of it) that is to go out. */
export interface Outgoing {
  readonly mail: MailIdentity
  /** The events it tells of, in the order that the ledger names them; at least one. */
  readonly events: readonly ReceivedEvent[]
  /** What the ledger knows of earlier attempts. */
  readonly record: MailRecord | undefined
  /** False once the other side is out of service: who waited for a connection then gives it back. */
  readonly isWanted: () => boolean
}

/**
 * A way to tell somebody. Everything else (order, retries, the ledger, outages, dead letters,
 * outcomes) is the subscriber's and the same for every channel.
 */
export interface Channel {
  /** How outcomes and dead letters name it. */
  readonly name: 'mail' | 'webhook'
  /** How /readyz names the other side. */
  readonly readyName: string
  /** How the mail about an event is to go; with `fault` where it never can, and why. */
  address(event: ReceivedEvent): Addressing & { readonly fault?: string }
  /**
   * One attempt. The same mail and events give the same bytes. `beforeBody` is awaited when the
   * other side is ready for them and before the first goes out; where it rejects, none does, and
   * `send` rejects with the same. Else it resolves, whatever happens. Between `beforeBody` and the
   * reply the outcome of a lost connection is `unknown`.
   */
  send(outgoing: Outgoing, beforeBody: () => Promise<void>): Promise<SendOutcome>
  /** Resolves when the other side can be reached; rejects with why it cannot. */
  probe(): Promise<void>
  /** Hangs up; what is in flight ends as an outage or as unknown. Idempotent. */
  close(): void
}
