import type { Lanes } from './lanes.js'
import type { EventRef, MailIdentity, MailRecord, Settlement } from './mail-record.js'

/** A mail by its name, or by one of its events. */
export interface NamedMail {
  readonly event: EventRef
  readonly record: MailRecord
}

/**
 * One record per mail, durable, shared by several notifiers. It decides whether a mail may be sent:
 * who is sending it, whether it was sent, whether it may have been.
 *
 * Each open ledger is a holder: of the attempts it begins, the lanes it claims, the outcomes it
 * settles. When it is gone, which its store detects, what it holds is free: on one machine when its
 * process has ended, in a database when its lease has.
 */
export interface Ledger {
  /**
   * The time by the store's clock, in milliseconds since 1970: of every time that the ledger takes and
   * returns. On one machine that is the machine's.
   */
  now(): number
  /** The record of the event's mail, perhaps a digest. An attempt of a holder that is gone reads as `unknown`. */
  find(event: EventRef): Promise<MailRecord | undefined>
  /** Every mail about an event with this id, whatever its source. */
  findById(eventId: string): Promise<MailRecord[]>
  /** Every mail about a conversion, each with its event. */
  findByConversion(conversionId: string): Promise<NamedMail[]>
  /** Mails that wait. */
  readonly lanes: Lanes
  /**
   * Up to `limit` final outcomes (accepted, failed, or unknown for good) that are not announced
   * yet: this holder's, and those of holders that are gone. An outcome is here from the
   * transaction that settles the mail. `isWanted` selects; default all.
   */
  pendingOutcomes(limit: number, isWanted?: (outcome: NamedMail) => boolean): Promise<NamedMail[]>
  /** Calls `listener` after this holder has settled a mail for good. Returns a function that removes it. */
  onOutcome(listener: () => void): () => void
  /** Removes outcomes that were announced. */
  markAnnounced(outcomes: readonly NamedMail[]): Promise<void>
  /**
   * Marks the mail as being attempted by this holder; called when the server has replied 354.
   * Resolves once that is synced, and only then may the body's first byte be sent.
   * Rejects with MailNotFree if the mail is accepted or failed, or another attempt is under way.
   * It resolves to a check, to be called right before that byte without anything in between: if it
   * returns false, this process was stopped or cut off for so long that another holder might begin
   * before the reply, and nothing may be sent. Then the attempt is still to be settled.
   */
  begin(event: EventRef, mail: MailIdentity): Promise<() => boolean>
  /**
   * Ends this holder's attempt, or records an outcome without one. Resolves to the record once it
   * is synced. Rejects with MailNotFree if another holder's attempt is under way or the mail is
   * settled; with StoreError if it could not be written: then the attempt is still this holder's.
   */
  settle(event: EventRef, mail: MailIdentity, settlement: Settlement): Promise<MailRecord>
  /**
   * Lets a failed mail be tried again, attempts and age counted from now, because the replay of
   * that name published the event to its topic again. Each replay reopens once: called again with the same
   * name, or for a mail that has not failed, it changes nothing. An event of a failed digest becomes
   * a mail of its own, `mail`. Resolves to the record then.
   */
  reopen(event: EventRef, replay: string, mail: MailIdentity): Promise<MailRecord | undefined>
  /** Records that a failed mail's events are among the dead letters. */
  markDeadLettered(event: EventRef): Promise<void>
  /** For a start and a clock that was set back: nothing waits longer than planned. */
  adjustToClock(): Promise<void>
  /** Drops what was settled, or last tried, before that time and is in no lane. Resolves to how many. */
  prune(before: number): Promise<number>
  /** Resolves if the store can take what a few mails need; rejects with StoreError. */
  check(): Promise<void>
  /** Waits for writes under way. Idempotent. */
  close(): Promise<void>
}
