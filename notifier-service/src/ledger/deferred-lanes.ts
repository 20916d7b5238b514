import type { Delivery } from '@herald/broker'
import type { EventRef, MailIdentity } from './ledger.js'

/** An event with its bytes and headers as the broker handed it over. */
export type KeptDelivery = Omit<Delivery, 'attempt'>

/** A mail at the head of its lane. */
export interface DeferredMail {
  /** Its name in the ledger: the event it tells of, or the digest's own. */
  readonly ref: EventRef
  /** The events it tells of, in order; one where it is no digest. */
  readonly deliveries: readonly KeptDelivery[]
  /** Its place in the lane. */
  readonly position: number
}

/**
 * The mails that wait in the ledger, durable, in lanes: events whose mailbox took nothing for longer
 * than a key is parked, and digests that are closed. Those of one lane go out one after the other,
 * in the order they were put there, by one process at a time, whoever put them there. The lane of
 * a dead process is free at once.
 */
export interface DeferredLanes {
  /** Whether mails wait in the lane: then whatever comes for it waits behind them. */
  has(lane: string): boolean
  /**
   * Appends an event at the end of its lane, once, and marks its mail deferred; the lane is due at
   * `nextAttemptAt`, or when it already was. With `behindOnly`, and none waiting there at the time
   * of the write, does nothing. Resolves, once synced, to whether the event is kept there.
   * Rejects with MailNotFree where the mail is being attempted, or is settled.
   */
  append(
    lane: string,
    kept: {
      readonly event: EventRef
      readonly mail: MailIdentity
      readonly delivery: KeptDelivery
    },
    options: { readonly nextAttemptAt: number; readonly behindOnly: boolean },
  ): Promise<boolean>
  /** Takes a lane that is due and that no live process holds; it is this one's until released. */
  claim(): Promise<string | undefined>
  /** The first mail of the lane. */
  head(lane: string): DeferredMail | undefined
  /**
   * Drops the head, which is settled, and its events. Resolves to whether more wait; where none do, the lane
   * is this one's no longer and must not be released.
   */
  pop(lane: string, position: number): Promise<boolean>
  /** Gives the lane back; what waits in it is due at that time. */
  release(lane: string, nextAttemptAt: number): Promise<void>
  /**
   * If the clock was set back: lanes that were written later than now are due after their own wait
   * from now on. Reads every lane that waits.
   */
  adjustToClock(): Promise<void>
  /** When the next lane is due, held or not; undefined when nothing waits. */
  nextDueAt(): number | undefined
  /** Events that wait, over all lanes, and those still gathered. */
  count(): number
}
