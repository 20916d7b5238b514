import { isAbsolute } from 'node:path'
import type { ProcessIdentity } from '@herald/runtime'
import { type Message, maxMessageBytes, type PublishedPosition } from '../broker.js'
import { checkMessages } from '../check-request.js'

/** A file that is to get its final name. */
export interface OutboxFile {
  /** Where its complete, synced bytes are; same file system as `finalPath`. Absolute. */
  readonly temporaryPath: string
  /** Absolute. */
  readonly finalPath: string
  /** SHA-256 of its bytes, 64 lower-case hexadecimal digits. */
  readonly sha256: string
}

/** Messages to publish, and the files that must have their final names before. */
export interface Announcement {
  /** The entry's id, a UUIDv7, if the caller must find it again after a crash; by default a new one. */
  readonly id?: string
  readonly topic: string
  /** At least one, none larger than maxMessageBytes. Each carries its own `ce_id`. */
  readonly messages: readonly Message[]
  /** If there are none, the entry is ready at once. */
  readonly files: readonly OutboxFile[]
  /** May replace what is at `finalPath`. Default false. */
  readonly overwrite?: boolean
  /** Shown by `herald outbox`: the file's name. */
  readonly label: string
}

/** `prepared → ready → published`. A ready entry may be set aside and become ready again. */
export type EntryState =
  /** Its files are getting their final names. */
  | { readonly kind: 'prepared' }
  /** Its files are in place; it waits for the broker. */
  | { readonly kind: 'ready' }
  /** Ready, and not tried before `untilMs`, because of an error of its own. */
  | { readonly kind: 'set aside'; readonly untilMs: number }
  /** The broker has acknowledged its messages. `to` has their positions, in order. Kept for 7 days. */
  | { readonly kind: 'published'; readonly atMs: number; readonly to: readonly PublishedPosition[] }

/** An announcement in the outbox, without its messages. Times are in milliseconds since 1970. */
export interface OutboxEntry {
  /** UUIDv7; the order of publishing. */
  readonly id: string
  readonly state: EntryState
  /** The broker it goes to, as `brokerName` has it: without user, password or options. */
  readonly broker: string
  readonly topic: string
  readonly label: string
  /** Empty once it is published. */
  readonly files: readonly OutboxFile[]
  readonly overwrite: boolean
  /** The folders of the files as they were when it was prepared: path → device and inode. */
  readonly folders: Readonly<Record<string, string>>
  /** Of its messages: keys, values and headers. */
  readonly bytes: number
  /** In the order of its messages. */
  readonly events: readonly OutboxEvent[]
  readonly createdAtMs: number
  /** Failed attempts to publish it. */
  readonly attempts: number
  /** Why the last one failed, or why it cannot be made ready; undefined if nothing failed. */
  readonly lastError: string | undefined
  /** The process that prepared it, and places it. */
  readonly owner: ProcessIdentity
}

export interface OutboxEvent {
  /** `ce_id`. */
  readonly id: string
  /** `ce_subject`: for Herald's own events the conversion. */
  readonly subject: string
}

export const eventOf = ({ headers }: Message): OutboxEvent => ({
  id: Buffer.from(headers['ce_id'] ?? []).toString(),
  subject: Buffer.from(headers['ce_subject'] ?? []).toString(),
})

/**
 * A checked deep copy, to be stored. Throws TypeError for an announcement that cannot be carried out,
 * BROKER_MESSAGE_TOO_LARGE for a message that no broker would accept.
 */
export function checkAnnouncement(announcement: Announcement): Required<Omit<Announcement, 'id'>> {
  const { topic, messages, files, overwrite = false, label } = announcement
  const require = (condition: boolean, error: string) => {
    if (!condition) throw new TypeError(`Invalid announcement: ${error}.`)
  }
  require(topic !== '', 'it has no topic')
  require(messages.length > 0, 'expected at least one message')
  require(messages.every(({ value }) => value.byteLength > 0), 'a message has an empty value')
  for (const { temporaryPath, finalPath, sha256 } of files) {
    require(isAbsolute(temporaryPath) && isAbsolute(finalPath), 'expected absolute paths')
    require(/^[\da-f]{64}$/.test(sha256), 'a SHA-256 is not 64 hexadecimal digits')
  }
  const paths = files.flatMap(({ temporaryPath, finalPath }) => [temporaryPath, finalPath])
  require(new Set(paths).size === paths.length, 'expected each path once')
  checkMessages(messages, maxMessageBytes)
  return {
    topic,
    overwrite,
    label,
    messages: messages.map(({ key, value, headers }) => ({
      key,
      value: Buffer.from(value),
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, bytes]) => [name, Buffer.from(bytes)]),
      ),
    })),
    files: files.map(({ temporaryPath, finalPath, sha256 }) => ({
      temporaryPath,
      finalPath,
      sha256,
    })),
  }
}
