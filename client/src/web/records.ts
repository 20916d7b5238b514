import { randomBytes } from 'node:crypto'
import type { Message } from '@herald/broker'
import type { ConversionEvent, Progress } from './conversion-events.js'
import type {
  AnnouncementState,
  ConversionIdentity,
  ConversionRecord,
  MailOutcome,
} from './record.js'

export interface Run {
  readonly runId: string
  readonly owner: string
}

/** What belongs to a record and is read apart from it. */
export interface Attachments {
  /** The bytes of the small picture. */
  readonly preview?: Uint8Array | undefined
  /** The announcement; kept until it is published. */
  readonly message?: Message | undefined
}

/**
 * The records of the web page's conversions, and what else its instances have in common. A write that
 * has resolved is durable. Methods reject with StoreError if the store cannot be used. To be closed
 * by the caller.
 */
export interface Records {
  /** Of all instances that use these records: their consumer group is named by it. */
  readonly installation: string
  /** This instance: the holder of the conversions that run in this process. */
  readonly instance: string
  /** Other instances may use these records, with an outbox each. */
  readonly isShared: boolean
  /**
   * The time by the store's clock, in milliseconds since 1970: of every time in a record, and of those that
   * methods are given. For records of one machine that is the machine's.
   */
  now(): number

  get(token: string): Promise<ConversionRecord | undefined>
  /** Of one browser, the latest first. */
  ofOwner(owner: string, limit?: number): Promise<ConversionRecord[]>
  /** In the order they began. */
  ofRun(runToken: string): Promise<ConversionRecord[]>
  /** Some of those that ended before that time. */
  expired(beforeMs: number): Promise<ConversionRecord[]>
  /** Some of those that were deleted before that time. */
  deleted(beforeMs: number): Promise<ConversionRecord[]>
  preview(token: string): Promise<Uint8Array | undefined>
  /** Undefined once it is published. */
  message(token: string): Promise<Message | undefined>

  /** The files that one browser sent together; created if new. */
  run(runToken: string, owner: string): Promise<Run>
  put(record: ConversionRecord): Promise<void>
  /** Resolves to the changed record; undefined if it was removed. */
  change(token: string, changes: Partial<ConversionRecord>): Promise<ConversionRecord | undefined>
  /**
   * Ends a conversion: `changes` and what belongs to it in one transaction. Resolves to undefined and
   * changes nothing if it has ended, was removed, or has another holder by now.
   */
  finish(
    token: string,
    changes: Partial<ConversionRecord>,
    attachments: Attachments,
  ): Promise<ConversionRecord | undefined>
  /**
   * Changes the announcement unless it is published; its message goes once it is. Resolves to
   * undefined if nothing changed.
   */
  changeAnnouncement(
    token: string,
    changes: Partial<AnnouncementState>,
  ): Promise<ConversionRecord | undefined>
  /** Adds the outcome of the mail to the record of that event; undefined if there is none. */
  addOutcome(eventId: string, mail: MailOutcome): Promise<ConversionRecord | undefined>
  /** Removes it with all that belongs to it. An upload that comes later is refused. */
  remove(record: ConversionRecord): Promise<void>

  /**
   * Takes a file that is expected: this instance is its holder from now on. `forUpload` false: to end
   * it, so that an upload which comes later is refused. Undefined: it is not expected. `ended`: it
   * was ended or removed before its upload.
   */
  takeExpected(
    owner: string,
    key: string,
    forUpload: boolean,
  ): Promise<ConversionRecord | 'ended' | undefined>
  /** Takes those expected files of whose run no upload was under way for so long, to end them. */
  takeIdle(pauseMs: number): Promise<ConversionRecord[]>
  /** Notes that an upload of those runs is under way. */
  keepActive(runTokens: readonly string[]): Promise<void>
  /**
   * Takes what an instance that is gone has left: conversions that have not ended, and announcements
   * that are not published. No two instances take the same. Also what this instance has held for a
   * while without working on it, because the reply to a write was lost; `isRunning`: it works on that.
   */
  takeOver(isRunning: (token: string) => boolean): Promise<ConversionRecord[]>

  /** Counts one more under that name, and from the first one on for so long. */
  count(
    name: string,
    periodMs: number,
  ): Promise<{ readonly count: number; readonly leftMs: number }>
  /** Whether it is this instance's turn with a task that one of them does, once in that time. */
  takeTurn(task: string, pauseMs: number): Promise<boolean>
  /**
   * Deletes runs older than that, and counts that are over: a limited number of each. Resolves to
   * whether some may be left.
   */
  deleteOlder(beforeMs: number): Promise<boolean>
  /** The size of all results; may be some seconds old, of millions of results some minutes. */
  bytesStored(): Promise<number>

  /** Passes on what other instances change. Called once; ended by `close`. */
  follow(onEvent: (event: ConversionEvent) => void): void
  /** Sends the progress of a conversion to the other instances. It may be lost. */
  sendProgress(record: ConversionIdentity, progress: Progress): void
  /** Others may take over what this instance holds. */
  close(): Promise<void>
}

/** 128 random bits, fit for a URL. */
export const newToken = () => randomBytes(16).toString('base64url')

export const tokenPattern = /^[\w-]{22}$/

/** How many records `expired`, `deleted`, `takeIdle` and `takeOver` return at most. */
export const maxTakenAtOnce = 500
