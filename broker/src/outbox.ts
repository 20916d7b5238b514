import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '@herald/runtime'
import type { Message, Published } from './broker.js'
import { createOutbox } from './outbox-on-store.js'
import { openRecords } from './outbox-records.js'

/** A file on its way to its final name. */
export interface OutboxFile {
  /** Where its complete, synced bytes lie; same file system as `finalPath`. Absolute. */
  readonly temporaryPath: string
  /** Its name once it is its owner's. Absolute. */
  readonly finalPath: string
  /** SHA-256 of its bytes, 64 lower-case hexadecimal digits. */
  readonly sha256: string
}

/** What is to be announced, and the files that must be in place before it is. */
export interface Announcement {
  readonly topic: string
  /** At least one. Each carries its own `ce_id`. */
  readonly messages: readonly Message[]
  /** May be empty: then it is ready at once. */
  readonly files: readonly OutboxFile[]
  /** May replace what stands at `finalPath`. Default false. */
  readonly overwrite?: boolean
  /** What a person recognises it by in `herald outbox`: the file's name. */
  readonly label: string
}

/** An announcement that is kept. */
export interface OutboxEntry {
  /** UUIDv7; the order of publishing. */
  readonly id: string
  readonly state: 'prepared' | 'ready'
  readonly announcement: Announcement
  readonly createdAt: Date
  /** Failed attempts to publish it. */
  readonly attempts: number
  /** Why the last one failed; undefined when none did. */
  readonly lastFault: string | undefined
  /** Tried again no earlier, for a fault of its own; undefined where it is not set aside. */
  readonly notBefore: Date | undefined
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
  readonly events: readonly PublishedEvent[]
}

export interface PublishedEvent extends Published {
  /** `ce_id`. */
  readonly id: string
  /** `ce_subject`: for Herald's own events the conversion. */
  readonly subject: string
}

/**
 * Announcements that are not yet published, durable, shared by the processes of one machine.
 * The order of writes that loses nothing: the temporary files are complete and synced; `prepare`
 * keeps the record; `place` gives the files their names and syncs their folder; the relay publishes
 * and drops the record. A relay of the same process is handed it at once; for others, and where it
 * takes longer, the record is marked ready first.
 */
export interface Outbox {
  /** Resolves to the entry's id once the record is synced. */
  prepare(announcement: Announcement): Promise<string>
  /**
   * Gives the files their final names (never replacing one unless `overwrite`), syncs, and makes
   * the entry ready: hands it to the relay that works on this outbox, or else marks it and rings
   * the bell. Rejects with HERALD_FILE_EXISTS where a name is taken by other content; then nothing
   * is announced, the record is dropped and its temporary files are removed. After any other fault
   * the entry stays prepared: place it again or abandon it.
   */
  place(id: string): Promise<void>
  /** Drops an entry that is not placed, and its temporary files. */
  abandon(id: string): Promise<void>
  /** Every entry kept, in the order of publishing. */
  entries(): OutboxEntry[]
  /** Resolves to where its messages went once the entry is published, by whichever process; undefined after `timeoutMs`. */
  published(id: string, timeoutMs: number): Promise<Published[] | undefined>
  /** What was published, the latest first: of the last 7 days, 10,000 at the most. Read as it is taken. */
  receipts(): Iterable<OutboxReceipt>
  close(): Promise<void>
}

/** What the relay may do besides; nobody else needs it. */
export interface RelayableOutbox extends Outbox {
  /**
   * Resolves to the right to publish, which one relay of the machine holds at a time; undefined
   * while another holds it. That of a dead process is free at once; time alone frees none.
   */
  acquireLease(): Promise<RelayLease | undefined>
  /**
   * Finishes what processes that died left prepared: what lies complete under its final or its
   * temporary name becomes ready, anything else is dropped with a warning. An entry whose
   * process lives is left alone; one that cannot be settled now is kept and tried next time.
   */
  settle(): Promise<void>
  /** Calls `heard` when there may be news, and every 500 ms in any case. Returns what ends it. */
  listen(heard: () => void): () => void
}

/** The right to publish. Its calls reject with LeaseLost once it is no longer held. */
export interface RelayLease {
  /** The ready entries, in the order of publishing. */
  ready(): Iterable<OutboxEntry>
  /** Tells whoever waits for them in this process where entries went, ahead of `published`. */
  acknowledged(receipts: readonly { id: string; published: readonly Published[] }[]): void
  /** Drops entries that the broker acknowledged, and keeps a receipt of each for `published`. */
  published(receipts: readonly { id: string; published: readonly Published[] }[]): Promise<void>
  /** Counts a failed attempt of each; with `notBefore` it is set aside until then. */
  failed(ids: readonly string[], fault: string, notBefore?: Date): Promise<void>
  /** Idempotent. */
  release(): Promise<void>
}

/** Whether an outbox was ever opened in `directory`. */
export const outboxExists = (directory: string): boolean =>
  existsSync(join(directory, 'store', 'data.mdb'))

/**
 * Opens the outbox in `directory`, a folder of a local disk, made when absent. Whoever opens it
 * closes it. Rejects with the system's error when the folder cannot be written.
 */
export async function openOutbox(
  directory: string,
  options: { logger: Logger },
): Promise<RelayableOutbox> {
  return createOutbox(openRecords(directory), options.logger)
}
