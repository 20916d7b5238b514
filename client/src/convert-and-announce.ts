import { dirname } from 'node:path'
import type { Outbox, OutboxFile } from '@herald/broker/outbox'
import type {
  ReceivedConversionSummary,
  ReceivedProgress,
  ReceivedRenditionHeader,
} from '@herald/proto/converter'
import type { HeraldError } from '@herald/proto/errors'
import {
  type Announced,
  type AnnouncementContext,
  convertedMessages,
  failedMessages,
} from './announcements.js'
import type { Upload } from './convert-call.js'
import type { ConverterClient } from './converter-client.js'
import { cannotWrite } from './errors.js'
import { placeOrKeep, placeUnannounced } from './place-or-keep.js'
import type { PlannedRendition } from './plan-conversions.js'
import {
  type CompleteFile,
  receiveFiles,
  type SavedRendition,
  savedRendition,
} from './received-files.js'

export interface ConvertAndAnnounceJob extends AnnouncementContext {
  readonly input: Upload
  readonly renditions: readonly PlannedRendition[]
  /** May replace what stands at a final name. */
  readonly overwrite: boolean
  readonly topic: string
  readonly signal: AbortSignal
  onProgress?(progress: ReceivedProgress): void
  /** So many bytes more of a rendition have arrived. */
  onBytes?(count: number, header: ReceivedRenditionHeader): void
  /** The converter has done its part; what follows is the disk's and the broker's. */
  onConverted?(): void
  /**
   * Takes the complete files instead of their getting names; afterwards they are removed. The
   * announcement then names no place, and a crash between the two leaves it out.
   */
  deliver?(temporaryPaths: readonly string[]): Promise<void>
  /**
   * Called when everything has arrived, before anything of it is announced or has its name: what
   * an announcement refers to can be noted in time. Where it rejects, the conversion fails.
   */
  beforeAnnounce?(result: Pick<Converted, 'summary' | 'renditions'>): Promise<void>
}

/** An announcement that the outbox holds, and will until it is published. */
export interface KeptAnnouncement {
  /** The outbox entry. */
  readonly entryId: string
  readonly events: readonly { readonly id: string; readonly recipient: string }[]
}

export interface Converted {
  /** Undefined where the job has no recipients. */
  readonly announcement: KeptAnnouncement | undefined
  readonly summary: ReceivedConversionSummary
  /** In the order asked for, pages in theirs. */
  readonly renditions: readonly SavedRendition[]
  readonly totalMs: number
}

export interface ConvertAndAnnounceTools {
  readonly converter: ConverterClient
  readonly outbox: Outbox
}

/**
 * Converts one file, gives the renditions their names and hands the announcement to the outbox,
 * in the order of writes that loses nothing: resolves when every file has its final name and the
 * outbox has the events, which its relay then publishes. A job without recipients announces
 * nothing. Rejects with HeraldError; then no final name was given, no temporary file is left and
 * nothing is announced.
 */
export async function convertAndAnnounce(
  { converter, outbox }: ConvertAndAnnounceTools,
  job: ConvertAndAnnounceJob,
): Promise<Converted> {
  const startedAt = new Date()
  const files = receiveFiles(job.renditions, job.onBytes?.bind(job))
  const { onProgress } = job
  const summary = await converter.convert(job.input, {
    conversionId: job.conversionId,
    renditions: job.renditions.map(({ spec }) => spec),
    traceparent: job.traceparent,
    signal: job.signal,
    ...(onProgress ? { onProgress: (progress) => onProgress(progress) } : {}),
    receive: (header) => files.receive(header),
  })
  job.onConverted?.()

  let complete: CompleteFile[] = []
  try {
    complete = files.complete(summary)
    // From the record on, the way leads forward only.
    if (job.signal.aborted) throw job.signal.reason
    const renditions = complete.map((each) => savedRendition(each, job.deliver !== undefined))
    const finishedAt = new Date()
    const announced = convertedMessages(job, {
      fileName: job.input.name,
      summary,
      renditions,
      startedAt,
      finishedAt,
    })
    await job.deliver?.(complete.map(({ temporaryPath }) => temporaryPath))
    await job.beforeAnnounce?.({ summary, renditions })
    const placed = job.deliver ? [] : complete.map(outboxFile)
    const announcement =
      announced.length === 0
        ? await placeUnannounced(placed, job.overwrite)
        : await keep(outbox, job, announced, placed)
    if (job.deliver) await files.discard()
    return { announcement, summary, renditions, totalMs: Date.now() - startedAt.getTime() }
  } catch (error) {
    await files.discard()
    const [first] = complete
    throw first && isSystemError(error) ? cannotWrite(dirname(first.finalPath), error) : error
  }
}

/** The record first, then the names. */
async function keep(
  outbox: Outbox,
  { topic, overwrite, input }: ConvertAndAnnounceJob,
  announced: readonly Announced[],
  files: readonly OutboxFile[],
): Promise<KeptAnnouncement> {
  const messages = announced.map(({ message }) => message)
  const entryId = await outbox.prepare({ topic, messages, files, overwrite, label: input.name })
  if (files.length > 0) await placeOrKeep(outbox, entryId, files)
  return { entryId, events: announced.map(({ id, recipient }) => ({ id, recipient })) }
}

const outboxFile = ({ temporaryPath, finalPath, summary: { sha256 } }: CompleteFile) => ({
  temporaryPath,
  finalPath,
  sha256,
})

export interface FailedJob extends AnnouncementContext {
  readonly fileName: string
  readonly formats: readonly string[]
  readonly topic: string
}

/** Hands a ConversionFailed for each recipient to the outbox. */
export async function announceFailure(
  outbox: Outbox,
  job: FailedJob,
  error: HeraldError,
): Promise<KeptAnnouncement> {
  const { fileName, formats } = job
  const announced = failedMessages(job, { fileName, formats, error: error, failedAt: new Date() })
  const entryId = await outbox.prepare({
    topic: job.topic,
    messages: announced.map(({ message }) => message),
    files: [],
    label: fileName,
  })
  return { entryId, events: announced.map(({ id, recipient }) => ({ id, recipient })) }
}

/** ENOSPC, EACCES and the like, on the way to the final name. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
