import type { KeptDelivery } from './deferred-lanes.js'
import type { EventRef, MailIdentity } from './ledger.js'

/** When the events of one run that came for one recipient become a digest. All times in milliseconds. */
export interface DigestRule {
  /** How long after its last event a run of unknown size counts as over. */
  readonly quietMs: number
  /**
   * How long an event of a run of unknown size is held back at most, and how long a run of known
   * size is waited for when none of its events comes.
   */
  readonly maxMs: number
  /** How long the first event of a digest is held back at most, whatever comes. */
  readonly latestMs: number
  /** Most events of one digest. */
  readonly maxEvents: number
  /** Most bytes of them together; a single event may have more. */
  readonly maxBytes: number
}

/** An event that comes to the others of its run. */
export interface RunEvent {
  readonly event: EventRef
  /** The mail it becomes where it stays alone. */
  readonly mail: MailIdentity
  readonly delivery: KeptDelivery
  /** The lane of its recipient, which the digest will go through. */
  readonly lane: string
  readonly run: string
  /** Events of the run that the recipient gets in all; 0 where that is not known. */
  readonly runSize: number
}

/**
 * Events gathered by run and recipient, durable, until they are a mail. A run is closed when its
 * last event has come, when it is full, or when it is due: its events become one mail at the end
 * of their lane, which tells of them in the order they came; one that stayed alone becomes a mail
 * as if it had never been gathered. Whoever opens the ledger may close what another process gathered.
 */
export interface Gathering {
  /**
   * Keeps the event, once; resolves, once synced, to whether a mail was put into the lane. Rejects
   * with MailNotFree where the event's mail is being attempted, or is settled.
   */
  add(event: RunEvent): Promise<boolean>
  /** Closes the runs that are due; resolves to how many. */
  closeDue(): Promise<number>
  /** As DeferredLanes.adjustToClock. */
  adjustToClock(): Promise<void>
  /** When the next run is due; undefined when nothing is gathered. */
  nextDueAt(): number | undefined
  /** Events gathered, over all runs. */
  count(): number
}
