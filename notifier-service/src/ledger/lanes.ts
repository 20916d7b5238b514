import type { Delivery } from '@herald/broker'
import type { EventRef, MailIdentity } from './mail-record.js'

/**
 * An event with its bytes and headers as the broker delivered it. Without `position` in records of
 * 0.1.0, whose brokers all had partitions: `positionOf`.
 */
export type KeptDelivery = Omit<Delivery, 'attempt' | 'position'> &
  Partial<Pick<Delivery, 'position'>>

/** A delivery of the broker has more fields than are kept. */
export function withoutAttempt(delivery: KeptDelivery): KeptDelivery {
  const { topic, key, value, headers, publishedAt, position, partition, offset, raw } = delivery
  return {
    ...{ topic, key, value, headers, publishedAt },
    ...(position !== undefined && { position }),
    ...(partition !== undefined && { partition, offset }),
    ...(raw && { raw }),
  }
}

/** An event and the mail it becomes on its own. */
export interface KeptEvent {
  readonly event: EventRef
  readonly mail: MailIdentity
  readonly delivery: KeptDelivery
}

/** An event to be gathered with the others of its run. */
export interface RunEvent extends KeptEvent {
  /** The lane of its recipient, which the digest goes through. */
  readonly lane: string
  readonly run: string
  /** Events of the run that the recipient gets in all; 0 if that is not known. */
  readonly runSize: number
}

/** A mail at the head of its lane. */
export interface DeferredMail {
  /** Its name in the ledger: its event, or the digest's own. */
  readonly ref: EventRef
  /** Its events, in order; more than one for a digest. */
  readonly deliveries: readonly KeptDelivery[]
  /** Its position in the lane. */
  readonly position: number
}

/** When the gathered events of one run and recipient become a mail. All times in milliseconds. */
export interface DigestRule {
  /** A run of unknown size is over if no event came for this long. */
  readonly quietMs: number
  /**
   * How long an event of a run of unknown size waits at most; and how long a run of known size is
   * waited for after its last event.
   */
  readonly maxMs: number
  /** How long the first event of a digest waits at most. */
  readonly latestMs: number
  /** Most events of one digest. */
  readonly maxEvents: number
  /** Most bytes of them together; a single event may have more. */
  readonly maxBytes: number
}

export const defaultRule: DigestRule = {
  quietMs: 5000,
  maxMs: 60_000,
  latestMs: 15 * 60_000,
  maxEvents: 500,
  maxBytes: 16 * 1024 ** 2,
}

/**
 * The mails that wait in the ledger, durable, in lanes, each not before its time: events whose
 * mailbox refused them for longer than a key is parked, and digests. The mails of one lane go out
 * one after the other, in the order they were put there, by one holder at a time, whichever notifier
 * put them there. The lane of a holder that is gone is free.
 *
 * A digest that still gathers is an entry without a position: nothing waits behind it. It is
 * closed when its run is complete or it is full (`gather`), or when its time has come (`claim`):
 * its events become one mail at the end of the lane, in the order they came; one that stayed alone
 * becomes a mail as if it had never been gathered.
 */
export interface Lanes {
  /** Whether mails wait in the lane, digests that still gather apart: later mails wait behind them. */
  has(lane: string): Promise<boolean>
  /**
   * Appends an event to its lane, once, and marks its mail deferred. An empty lane is due at
   * `nextAttemptAt`; another one when it already was. With `behindOnly`, does nothing if the lane
   * is empty at the time of the write. Resolves, once synced, to whether the event is kept there.
   * Rejects with MailNotFree if the mail is being attempted, or is settled.
   */
  append(
    lane: string,
    kept: KeptEvent,
    options: { readonly nextAttemptAt: number; readonly behindOnly: boolean },
  ): Promise<boolean>
  /**
   * Adds the event to the digest of its run, once. Resolves, once synced, to whether a mail was
   * appended to the lane. Rejects with MailNotFree if the event's mail is being attempted, or is
   * settled.
   */
  gather(event: RunEvent): Promise<boolean>
  /**
   * Closes digests that are due, and takes a lane that is due and not held. It is this
   * ledger's until released.
   */
  claim(): Promise<string | undefined>
  /** The first mail of the lane. */
  head(lane: string): Promise<DeferredMail | undefined>
  /**
   * Removes the head, which is settled, and its events. Resolves to whether more mails wait; if
   * not, the lane is no longer held and must not be released.
   */
  pop(lane: string, position: number): Promise<boolean>
  /** Gives up a lane that is held; it is due again at that time. */
  release(lane: string, nextAttemptAt: number): Promise<void>
  /** When the next lane or digest is due, held or not; undefined if nothing waits. */
  nextDueAt(): Promise<number | undefined>
  /** Events that wait, over all lanes: of deferred mails and closed digests, and still gathered. */
  count(): Promise<{ readonly deferred: number; readonly gathering: number }>
}
