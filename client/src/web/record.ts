/** A result that can be downloaded. */
export interface ResultFile {
  readonly name: string
  readonly format: string
  readonly mediaType: string
  readonly sizeBytes: number
  readonly sha256: string
  readonly width: number
  readonly height: number
  readonly pages: number
}

export interface SourceFacts {
  readonly format: string
  readonly mediaType: string
  readonly sizeBytes: number
  readonly width: number
  readonly height: number
  readonly pages: number
}

/** A conversion as the web page stores it. */
export interface ConversionRecord {
  /** In the address of its page: 128 random bits. */
  readonly token: string
  /** The browser that sent it. */
  readonly owner: string
  readonly conversionId: string
  readonly runToken: string
  readonly runId: string
  /** The row's id in the browser before there was a token. */
  readonly key: string
  /** The source's name as its owner knows it. */
  readonly name: string
  /** The folder it was dropped with, `photos/2024`; empty or absent if it came alone. */
  readonly folder?: string | undefined
  readonly target: string
  /** Empty: nothing is announced. */
  readonly recipient: string
  readonly language: string
  readonly traceparent: string
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly state: 'converting' | 'converted' | 'failed'
  /** Its upload has not begun: the browser has only named the file. */
  readonly isExpected?: boolean | undefined
  /** The instance of the page that converts it, and announces it. */
  readonly holder: string
  /** The number of files that were sent together, if known. */
  readonly runSize?: number | undefined
  readonly finishedAtMs: number
  /** Absent or null: not deleted. A deleted one can be restored until it is removed for good. */
  readonly deletedAtMs?: number | null | undefined
  readonly source: SourceFacts | null
  readonly files: readonly ResultFile[]
  readonly stripped: readonly string[]
  readonly conversionMs: number
  /** The small picture; its bytes are stored separately. */
  readonly preview: {
    readonly mediaType: string
    readonly width: number
    readonly height: number
  } | null
  readonly fault: {
    readonly code: string
    readonly message: string
    readonly remedy: string
  } | null
  readonly announcement: AnnouncementState | null
  /** The outcome of its mail; absent: not known yet. */
  readonly mail?: MailOutcome | undefined
}

/** What identifies a conversion to those who follow it. */
export type ConversionIdentity = Pick<ConversionRecord, 'token' | 'owner' | 'key' | 'runToken'>

/** The state of the announcement. Its message is kept with the record until it is published. */
export interface AnnouncementState {
  /** The entry in the outbox of the record's holder; empty: not yet in an outbox. */
  readonly entryId: string
  readonly eventId: string
  readonly keptAtMs: number
  /** 0: not yet published. */
  readonly publishedAtMs: number
  /** Why the last attempt to publish failed; empty if none did. */
  readonly lastFault: string
}

/** The outcome of the mail about an event. */
export interface MailOutcome {
  readonly state: 'mailed' | 'given up' | 'uncertain'
  /** The mail server's reply, or why the mail was given up. */
  readonly reply: string
  readonly attempts: number
  readonly atMs: number
}

export const isOver = ({ state }: ConversionRecord) => state === 'converted' || state === 'failed'

/** Whether it has an announcement that is not published yet. */
export const isUnpublished = ({ announcement }: ConversionRecord) =>
  announcement?.publishedAtMs === 0

/** How long a deleted conversion can be restored. */
export const undoMs = 5 * 60_000

/** Its name, with the path of its folder. */
export const pathOf = ({ folder, name }: ConversionRecord) => (folder ? `${folder}/${name}` : name)

/** Whether its files can be downloaded. */
export const isConverted = ({ state, deletedAtMs }: ConversionRecord) =>
  state === 'converted' && !deletedAtMs

export const sumOfSizes = (files: readonly ResultFile[]) =>
  files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
