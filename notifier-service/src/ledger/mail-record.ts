import type { EventPosition } from '@herald/broker'

/**
 * The event a mail is about, which is also the mail's name in the ledger. CloudEvents: id and
 * source together are unique. A digest has a name of its own, which no event can have.
 */
export interface EventRef {
  readonly id: string
  readonly source: string
}

/** What is fixed before the first attempt, so that a resend is the same mail. */
export interface MailIdentity {
  /** The events the mail is about; the first one names the mail. */
  readonly eventIds: readonly string[]
  /** The events of a digest with their sources, in the same order; absent for a mail about one event. */
  readonly events?: readonly EventRef[] | undefined
  readonly recipient: string
  /** The From header as it was written. */
  readonly from: string
  readonly messageId: string
  /** What the mail is written with: its language, or a version of the webhook's format. */
  readonly template: string
  /** The conversion (of a digest: its first event's) and its run; absent in old records. */
  readonly conversionId?: string | undefined
  readonly runId?: string | undefined
  /** Where the event came from first. */
  readonly origin?: Origin | undefined
}

/** Where an event is: EventPosition, without `position` in records of 0.1.0. */
export interface Origin extends Partial<EventPosition> {
  readonly topic: string
}

/** The position of an event that may be of a record of 0.1.0. */
export function positionOf({ position, partition, offset }: Partial<EventPosition>): string {
  return position ?? `${partition}/${offset}`
}

/** One attempt that ended, or a decision made without one. */
export interface AttemptNote {
  /** When it ended, milliseconds since 1970. */
  readonly at: number
  readonly state: Exclude<MailState, 'attempting'>
  readonly reply: string
  /** False if the mail was not sent to the server, or the server was out of service. */
  readonly counted: boolean
}

/** Attempts kept in the history of one mail; the oldest are dropped. */
export const maxHistory = 20

/**
 * `attempting`: a notifier is sending it. `accepted`: the mail server has it. `failed`: it will
 * never be delivered. `unknown`: it may have been delivered (RFC 5321 §6.1). `deferred`: it has
 * not been, and is to be tried again. `gathering`: it waits for the other events of its run.
 */
export type MailState = 'attempting' | 'accepted' | 'failed' | 'unknown' | 'deferred' | 'gathering'

/** What the ledger keeps of one mail. Times are milliseconds since 1970. */
export interface MailRecord extends MailIdentity {
  readonly state: MailState
  /** Attempts that ended with a reply about this mail, or with no reply at all. */
  readonly attempts: number
  /** The holder that is attempting it, or did last. */
  readonly holder?: string | undefined
  /** The mail server's last reply, or why there was none. */
  readonly reply: string
  /** The first attempt that counts; until there is one, when the record was made. */
  readonly firstAttemptAt: number
  readonly updatedAt: number
  /** For `deferred` and `unknown`: not before this time. */
  readonly nextAttemptAt?: number | undefined
  /** For `failed`: when the event was published to the dead letters; undefined until then. */
  readonly deadLetteredAt?: number | undefined
  /** Ended attempts, oldest first, the last `maxHistory` of them; absent in old records. */
  readonly history?: readonly AttemptNote[] | undefined
  /** When it was refused temporarily for the first time; its key has been parked since. */
  readonly parkedSince?: number | undefined
  /** When its event was deferred in the ledger; absent if it never was. */
  readonly deferredSince?: number | undefined
  /** The lane it waits in; absent once it does not. */
  readonly lane?: string | undefined
  /** Attempts since the last replay that ended without a reply to the body; absent if there were none. */
  readonly unconfirmed?: number | undefined
  /** True from the first attempt that ended without a reply to the body. */
  readonly possiblyDelivered?: true | undefined
  /** The server rejected it for its size: it is sent without its preview. */
  readonly withoutPreview?: boolean | undefined
  /** The last replay that reopened it after it had failed; absent if there was none. */
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
  /** The body was sent and no reply to it came. Default: true for `unknown` after an attempt. */
  readonly unconfirmed?: boolean
  /** False if the mail was not sent to the server, or the server was out of service. Default true. */
  readonly countsAsAttempt?: boolean
}

/** Another attempt at this mail is under way, or it is settled already. */
export class MailNotFree extends Error {
  override readonly name = 'MailNotFree'
  readonly state: MailState

  constructor(state: MailState) {
    super(`the mail is ${state}`)
    this.state = state
  }
}
