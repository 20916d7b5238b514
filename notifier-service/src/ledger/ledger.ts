import type { ProcessIdentity } from '@herald/runtime'
import type { DeferredLanes } from './deferred-lanes.js'
import type { Gathering } from './gathering.js'

/**
 * Which event a mail tells of, and the mail's name in the ledger with it. CloudEvents: id and
 * source together are unique. A digest has a name of its own, which no event can have.
 */
export interface EventRef {
  readonly id: string
  readonly source: string
}

/** What is settled about a mail before its first attempt and never changes, so that it can be sent again byte for byte. */
export interface MailIdentity {
  /** The events the mail tells of; the first one names the mail. */
  readonly eventIds: readonly string[]
  /** Those of a digest with their sources, in the same order; absent where it tells of one event. */
  readonly events?: readonly EventRef[] | undefined
  readonly recipient: string
  /** The From header as it was written. */
  readonly from: string
  readonly messageId: string
  /** The template's version and language, such as `1/en`. */
  readonly template: string
  /** The conversion (a digest: its first event's) and the run it tells of; absent in records of earlier versions. */
  readonly conversionId?: string | undefined
  readonly runId?: string | undefined
  /** Where the event came from first. */
  readonly origin?: Origin | undefined
}

/** A place in a topic. */
export interface Origin {
  readonly topic: string
  readonly partition: number
  /** A decimal. */
  readonly offset: string
}

/** One attempt that ended, or a decision without one. */
export interface AttemptNote {
  /** When it ended, milliseconds since 1970. */
  readonly at: number
  readonly state: Exclude<MailState, 'attempting'>
  readonly reply: string
  /** False where the mail was not put to the server, or the server was out of service. */
  readonly counted: boolean
}

/** Attempts remembered of one mail; the first ones and those in the middle go. */
export const maxHistory = 20

/**
 * `attempting`: a process is handing it over. `accepted`: the mail server has it. `failed`: it will
 * never be delivered. `unknown`: it may have been delivered (RFC 5321 §6.1). `deferred`: it has
 * not been, and is to be tried again. `gathering`: it waits for the other events of its run.
 */
export type MailState = 'attempting' | 'accepted' | 'failed' | 'unknown' | 'deferred' | 'gathering'

/** What the notifier knows of one mail. Times are milliseconds since 1970. */
export interface MailRecord extends MailIdentity {
  readonly state: MailState
  /** Attempts that ended with an answer about this mail, or with none at all. */
  readonly attempts: number
  /** Who is attempting it, or did last. */
  readonly holder: ProcessIdentity | undefined
  /** The mail server's last word, or why there was none. */
  readonly reply: string
  /** The first that counts; until there is one, when the mail was first touched. */
  readonly firstAttemptAt: number
  readonly updatedAt: number
  /** For `deferred` and `unknown`: not before this time. */
  readonly nextAttemptAt: number | undefined
  /** For `failed`: when the event was put to the dead letters; undefined until then. */
  readonly deadLetteredAt: number | undefined
  /** Ended attempts, oldest first, the last `maxHistory` of them; absent in records of earlier versions. */
  readonly history?: readonly AttemptNote[] | undefined
  /** When it was refused for the time being first; its key has been parked since. */
  readonly parkedSince?: number | undefined
  /** When it was put aside in the ledger, bytes and all; absent where it never was. */
  readonly deferredSince?: number | undefined
  /** The lane it waits in; absent once it does not. */
  readonly lane?: string | undefined
  /** Attempts since the last replay that ended without a reply to the body; absent if there were none. */
  readonly unconfirmed?: number | undefined
  /** True from the first attempt that ended without a reply to the body, whatever came later. */
  readonly possiblyDelivered?: true | undefined
  /** The server took no mail as large as it was: it is sent without its preview. */
  readonly withoutPreview?: boolean | undefined
  /** The replay that reopened it last, after it had failed; absent where none did. */
  readonly replay?: string | undefined
}

/** How an attempt ended, or that none is to be made. */
export type Settlement =
  | { readonly state: 'accepted'; readonly reply: string }
  | (NotAccepted & { readonly state: 'failed' })
  | (NotAccepted & {
      readonly state: 'deferred' | 'unknown'
      /** Milliseconds since 1970; undefined: it is not tried again. */
      readonly nextAttemptAt: number | undefined
      /** From now on it is sent without its preview. */
      readonly withoutPreview?: boolean
    })

interface NotAccepted {
  readonly reply: string
  /** The body went out and no reply to it came. Default: for `unknown` after an attempt. */
  readonly unconfirmed?: boolean
  /**
   * False where the mail was not put to the server, or the server was out of service, which is
   * not the mail's fault. Default true.
   */
  readonly countsAsAttempt?: boolean
}

/** Another live process is handing this mail over, or it is settled already. */
export class MailNotFree extends Error {
  override readonly name = 'MailNotFree'
  readonly state: MailState

  constructor(state: MailState) {
    super(`the mail is ${state}`)
    this.state = state
  }
}

/** A mail by its name, or by an event that it tells of. */
export interface NamedMail {
  readonly event: EventRef
  readonly record: MailRecord
}

/** A final outcome that is yet to be announced. */
export type PendingOutcome = NamedMail

/**
 * One record per mail, durable, shared by the notifiers of one machine. It decides whether a mail
 * may go out: who holds it, whether it went, whether it may have.
 */
export interface Ledger {
  /** What is known of the event's mail, a digest perhaps. An attempt of a dead process reads as `unknown`. */
  find(event: EventRef): MailRecord | undefined
  /** Every mail that tells of an event with this id, whatever its source. */
  findById(eventId: string): MailRecord[]
  /** Every mail that tells of a conversion, with the event that does. */
  findByConversion(conversionId: string): NamedMail[]
  /** Events put aside because their mailbox takes nothing for now. */
  readonly lanes: DeferredLanes
  /** Events that wait for the others of their run, to become one mail with them. */
  readonly gathering: Gathering
  /**
   * Up to `limit` final outcomes (accepted, failed, or unknown for good) that are not announced
   * yet: those of this process and of dead processes. One is there from the moment
   * it is settled on, so none is lost however a process ends. `wanted` says which; default all.
   */
  pendingOutcomes(limit: number, wanted?: (outcome: PendingOutcome) => boolean): PendingOutcome[]
  /** Calls `listener` after this process has settled a mail for good. Returns what ends it. */
  onOutcome(listener: () => void): () => void
  /** Drops those, now that they are announced. */
  outcomesTaken(outcomes: readonly PendingOutcome[]): Promise<void>
  /**
   * Marks the mail as being attempted by this process; call it when the server has said 354.
   * Resolves once that is synced, and only then may the body's first byte go out.
   * Rejects with MailNotFree where the mail is accepted or failed, or another attempt is alive.
   */
  begin(event: EventRef, mail: MailIdentity): Promise<void>
  /**
   * Ends this process' attempt, or records an outcome without one. Resolves to the record once it
   * is synced. Rejects with MailNotFree where somebody else's attempt is alive or the mail is settled;
   * with StoreError where the disk takes nothing: the attempt stays ours, to be settled again.
   */
  settle(event: EventRef, mail: MailIdentity, settlement: Settlement): Promise<MailRecord>
  /**
   * Lets a failed mail be tried afresh, attempts and age counted from now, because `replay` (its
   * name) put the event to the topic again. Each replay reopens once: called again with the same
   * name, or for a mail that has not failed, it changes nothing. An event of a failed digest becomes
   * a mail of its own again, `mail`. Resolves to the record then.
   */
  reopen(event: EventRef, replay: string, mail: MailIdentity): Promise<MailRecord | undefined>
  /** Notes that a failed mail's events are among the dead letters. */
  deadLettered(event: EventRef): Promise<void>
  /** After a start, or when the clock was set back: nothing waits longer than it was to wait. */
  adjustToClock(): Promise<void>
  /** Drops what was settled, or last tried, before that time and does not wait in a lane. Resolves to how many. */
  prune(before: number): Promise<number>
  /** Resolves when the disk takes what a few mails need; rejects with StoreError. */
  check(): Promise<void>
  /** Waits for writes under way. Idempotent. */
  close(): Promise<void>
}
