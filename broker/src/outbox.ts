import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '@herald/runtime'
import type { Message, Published } from './broker.js'
import { brokerName } from './broker-name.js'
import { createOutbox } from './outbox-on-store.js'
import { openRecords } from './outbox-records.js'

/** A file on its way to its final name. */
export interface OutboxFile {
  /** Where its complete, synced bytes are; same file system as `finalPath`. Absolute. */
  readonly temporaryPath: string
  /** Its name once it is its owner's. Absolute. */
  readonly finalPath: string
  /** SHA-256 of its bytes, 64 lower-case hexadecimal digits. */
  readonly sha256: string
}

/** What is to be announced, and the files that must be in place before it is. */
export interface Announcement {
  readonly topic: string
  /** At least one, none larger than maxMessageBytes. Each carries its own `ce_id`. */
  readonly messages: readonly Message[]
  /** May be empty: then it is ready at once. */
  readonly files: readonly OutboxFile[]
  /** May replace what is at `finalPath`. Default false. */
  readonly overwrite?: boolean
  /** What a person recognises it by in `herald outbox`: the file's name. */
  readonly label: string
}

/** An announcement that is kept, without its messages. */
export interface OutboxEntry {
  /** UUIDv7; the order of publishing. */
  readonly id: string
  readonly state: 'prepared' | 'ready'
  /** The broker it goes to, as `brokerName` has it: without user, password or options. */
  readonly broker: string
  readonly topic: string
  readonly label: string
  readonly files: readonly OutboxFile[]
  /** Of its messages: keys, values and headers. */
  readonly bytes: number
  /** In the order of its messages. */
  readonly events: readonly OutboxEvent[]
  readonly createdAt: Date
  /** Failed attempts to publish it. */
  readonly attempts: number
  /** Why the last one failed, or why it cannot be made ready; undefined if nothing failed. */
  readonly lastFault: string | undefined
  /** Not tried before, because of an error of its own; undefined if it is not set aside. */
  readonly notBefore: Date | undefined
}

export interface OutboxEvent {
  /** `ce_id`. */
  readonly id: string
  /** `ce_subject`: for Herald's own events the conversion. */
  readonly subject: string
}

/** What the outbox remembers of an announcement that is published. */
export interface OutboxReceipt {
  /** The id of the entry it was. */
  readonly id: string
  readonly topic: string
  readonly label: string
  readonly createdAt: Date
  readonly publishedAt: Date
  /** Failed attempts before. */
  readonly attempts: number
  /** In the order of its messages. */
  readonly events: readonly (OutboxEvent & Published)[]
}

/** How far an entry has come; `absent`: not in the outbox, not published within the last days. */
export type PublishState =
  | { readonly state: 'waiting'; readonly lastFault: string | undefined }
  | { readonly state: 'published'; readonly published: readonly Published[] }
  | { readonly state: 'absent' }

/**
 * Announcements that are not yet published, durable, shared by the processes of one machine.
 * Each goes `prepared → ready → published`: the temporary files are complete and synced; `prepare`
 * keeps the record; `place` gives the files their names and syncs their folder; the relay publishes
 * and removes the record. A crash in between leaves a record that `settle` continues from. While a
 * relay works on this very outbox, `place` passes the entry to it without marking it ready in the
 * store, which saves a sync: after a crash its files show that it was placed.
 */
export interface Outbox {
  /**
   * Resolves to the entry's id once the record is synced. Rejects with TypeError for an
   * announcement that cannot be carried out, BROKER_MESSAGE_TOO_LARGE for a message that no broker
   * would take.
   */
  prepare(announcement: Announcement): Promise<string>
  /**
   * Gives the files their final names (never replacing one unless `overwrite`), syncs, and makes
   * the entry ready. Rejects with HERALD_FILE_EXISTS if a name is taken by other content; then
   * nothing is announced, the record is dropped and its temporary files are removed. After any
   * other error the entry stays prepared: place it again or abandon it.
   */
  place(id: string): Promise<void>
  /** Drops an entry that is not placed, and its temporary files. */
  abandon(id: string): Promise<void>
  /** Every entry kept, in the order of publishing; of all brokers. */
  entries(): OutboxEntry[]
  /** Reads one record. */
  publishState(id: string): PublishState
  /** Resolves to where its messages went once the entry is published, by any process; to undefined after `timeoutMs`. */
  published(id: string, timeoutMs: number): Promise<readonly Published[] | undefined>
  /** What was published, the latest first: of the last 7 days, 10,000 at most. Read as it is taken. */
  receipts(): Iterable<OutboxReceipt>
  close(): Promise<void>
}

/** What a relay needs besides. */
export interface RelayableOutbox extends Outbox {
  /** The name of the broker that what is prepared here goes to. */
  readonly broker: string
  /** Ready entries for that broker, set aside or not. Walks their index. */
  countReady(): number
  /**
   * Resolves to the right to publish to that broker, which one relay of the machine holds at a
   * time; undefined while another holds it. A dead holder's is free at once; that of one that
   * cannot be judged or does not renew it, leaseMs after its last write.
   */
  acquireLease(): Promise<RelayLease | undefined>
  /**
   * Continues what dead processes left prepared: if its files are complete under their final or
   * temporary names it becomes ready; if their folders are there without them it is dropped with a
   * warning. If its folder cannot be looked at it is kept, with the reason. What belongs to a
   * process that cannot be judged is never dropped, and made ready no sooner than a minute after it
   * was prepared. Resolves to the number of entries that it had to leave.
   */
  settle(): Promise<number>
  /** Resolves when the outbox may have changed: after a write of any process, and within 500 ms. */
  changed(): Promise<void>
}

/** An entry to be published, with its messages. */
export interface ReadyEntry {
  readonly id: string
  readonly topic: string
  readonly label: string
  readonly attempts: number
  readonly messages: readonly Message[]
}

export interface EntryReceipt {
  readonly id: string
  readonly published: readonly Published[]
}

/** The right to publish. Its calls reject with LeaseLost once another relay has taken it. */
export interface RelayLease {
  /** To be called before every publish. Resolves if this process still holds it, for some seconds more. */
  ensure(): Promise<void>
  /** Extends it while something takes long. */
  renew(): Promise<void>
  /**
   * The oldest ready entries to one topic that is not in `blockedTopics`: at most 128 messages or
   * 256 KiB, at least one entry if there is any. Decodes no other messages.
   */
  next(blockedTopics: ReadonlySet<string>): ReadyEntry[]
  /** Makes ready again what is set aside: what is due, or everything. */
  returnSetAside(which: 'due' | 'all'): Promise<void>
  /**
   * Takes what the broker acknowledged: `next` does not return it again, those who wait for it in
   * this process continue at once. It is recorded in the background, after the lease was lost, too.
   */
  acknowledge(receipts: readonly EntryReceipt[]): void
  /** Resolves once everything acknowledged is recorded; rejects if it could not be, as `next` then throws. */
  recorded(): Promise<void>
  /** Counts a failed attempt of each; with `notBefore` it is set aside until then. */
  failed(ids: readonly string[], fault: string, notBefore?: Date): Promise<void>
  /** Idempotent. */
  release(): Promise<void>
}

/** Whether an outbox was ever opened in `directory`. */
export const outboxExists = (directory: string): boolean =>
  existsSync(join(directory, 'store', 'data.mdb'))

/**
 * Opens the outbox in `directory`, a folder of a local disk, made if absent, for announcements to
 * the broker of that URL. The caller closes it. Rejects with the system's error if the folder
 * cannot be written.
 */
export async function openOutbox(
  directory: string,
  { broker, logger }: { broker: string; logger: Logger },
): Promise<RelayableOutbox> {
  const name = brokerName(broker)
  return createOutbox(await openRecords(directory, name), name, logger)
}
