import type { ReceivedEvent } from '@herald/broker/message'
import type { BeforeBody } from './before-body.js'
import type { MailIdentity, MailRecord } from './ledger/mail-record.js'
import type { SendResult } from './send-result.js'

/** What a channel decides about a mail before its first attempt. */
export type Addressing = Pick<MailIdentity, 'recipient' | 'from' | 'messageId' | 'template'>

/** A mail, or what the channel sends instead of one, to be sent. */
export interface Outgoing {
  readonly mail: MailIdentity
  /** Its events, in the order of the ledger; at least one. */
  readonly events: readonly ReceivedEvent[]
  /** Earlier attempts. */
  readonly record: MailRecord | undefined
  /** False once the receiving side is out of service: a mail that waited for a connection then releases it. */
  readonly isWanted: () => boolean
}

/**
 * A way to deliver notifications. Everything else (order, retries, the ledger, outages, dead
 * letters, outcomes) is the subscriber's and the same for every channel.
 */
export interface Channel {
  /** Its name in outcomes and dead letters. */
  readonly name: 'mail' | 'webhook'
  /** The receiving side's name in /readyz. */
  readonly readyName: string
  /** Recipient, sender and identity of the mail about an event; with `problem` if it can never be sent. */
  address(event: ReceivedEvent): Addressing & { readonly problem?: string }
  /**
   * One attempt. `beforeBody` is awaited when the receiving side is ready for the body, before its
   * first byte is sent; if it rejects, none is sent, and `send` rejects with the same error. What it
   * resolves to is called right before that byte; if that returns false, `send` rejects with NotHeld.
   * Otherwise it resolves. If the connection is lost between `beforeBody` and the reply, the
   * result is `unknown`.
   */
  send(outgoing: Outgoing, beforeBody: BeforeBody): Promise<SendResult>
  /** Resolves if the receiving side can be reached; rejects with the reason if not. */
  probe(): Promise<void>
  /** Closes all connections; attempts in flight end as an outage or as unknown. Idempotent. */
  close(): void
}
