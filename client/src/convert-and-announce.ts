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

export interface ConvertAndAnnounceRequest extends AnnouncementContext {
  readonly input: Upload
  readonly renditions: readonly PlannedRendition[]
  /** Existing files may be replaced. */
  readonly overwrite: boolean
  readonly topic: string
  readonly signal: AbortSignal
  onProgress?(progress: ReceivedProgress): void
  /** Called while no converter has taken the file. */
  onWaiting?(error: HeraldError): void
  /** Called for each chunk of a rendition, with its size. */
  onBytes?(count: number, header: ReceivedRenditionHeader): void
  /** Called when the converter is done; saving and announcing follow. */
  onConverted?(): void
  /**
   * Takes the complete files instead of their being saved; they are removed afterwards. The
   * announcement then has no path, and a crash after this call and before the announcement loses it.
   */
  deliver?(temporaryPaths: readonly string[]): Promise<void>
}

/** An announcement in the outbox; it stays there until it is published. */
export interface KeptAnnouncement {
  /** The outbox entry. */
  readonly entryId: string
  readonly events: readonly { readonly id: string; readonly recipient: string }[]
}

export interface Converted {
  /** Undefined if the request has no recipients. */
  readonly announcement: KeptAnnouncement | undefined
  readonly summary: ReceivedConversionSummary
  /** In the requested order, pages in order. */
  readonly renditions: readonly SavedRendition[]
  readonly totalMs: number
}

export interface ConvertAndAnnounceTools {
  readonly converter: ConverterClient
  readonly outbox: Outbox
}

/** All that the converter sent, checked and synced under temporary names. */
export interface ReceivedConversion {
  readonly complete: readonly CompleteFile[]
  readonly summary: ReceivedConversionSummary
  /** In the requested order, pages in order. */
  readonly renditions: readonly SavedRendition[]
  /** One for each recipient of the request. */
  readonly announced: readonly Announced[]
  /** Removes what is left of the temporary files. */
  discard(): Promise<void>
}

/**
 * Converts one file, saves the renditions and writes the announcement to the outbox, in an order
 * that loses nothing in a crash. Resolves when every file has its final name and the outbox has the
 * events, which its relay then publishes. Without recipients nothing is announced. Rejects with
 * HeraldError; then no file is left and nothing is announced.
 */
export async function convertAndAnnounce(
  { converter, outbox }: ConvertAndAnnounceTools,
  request: ConvertAndAnnounceRequest,
): Promise<Converted> {
  const startedAtMs = performance.now()
  return convertAndSave(converter, request, async (received) => {
    const { complete, summary, renditions, announced } = received
    await request.deliver?.(complete.map(({ temporaryPath }) => temporaryPath))
    const placed = request.deliver ? [] : complete.map(outboxFile)
    const announcement =
      announced.length === 0
        ? await placeUnannounced(placed, request.overwrite)
        : await keep(outbox, request, announced, placed)
    if (request.deliver) await received.discard()
    return {
      announcement,
      summary,
      renditions,
      totalMs: Math.round(performance.now() - startedAtMs),
    }
  })
}

/**
 * Converts one file, passes what was received to `save` and resolves to its result. Rejects with
 * HeraldError, or with the error of `save`; then no temporary file is left.
 */
export async function convertAndSave<T>(
  converter: ConverterClient,
  request: Omit<ConvertAndAnnounceRequest, 'overwrite' | 'topic'>,
  save: (received: ReceivedConversion) => Promise<T>,
): Promise<T> {
  const startedAt = new Date()
  const files = receiveFiles(request.renditions, request.onBytes?.bind(request))
  const { onProgress, onWaiting } = request
  const summary = await converter.convert(request.input, {
    conversionId: request.conversionId,
    renditions: request.renditions.map(({ spec }) => spec),
    traceparent: request.traceparent,
    signal: request.signal,
    ...(onProgress ? { onProgress: (progress) => onProgress(progress) } : {}),
    ...(onWaiting ? { onWaiting: (error) => onWaiting(error) } : {}),
    receive: (header) => files.receive(header),
  })
  request.onConverted?.()

  let complete: CompleteFile[] = []
  try {
    complete = files.complete(summary)
    // Once it is saved, the conversion cannot be cancelled.
    if (request.signal.aborted) throw request.signal.reason
    const renditions = complete.map((each) => savedRendition(each, request.deliver !== undefined))
    const announced = convertedMessages(request, {
      fileName: request.input.name,
      summary,
      renditions,
      startedAt,
      finishedAt: new Date(),
    })
    return await save({ complete, summary, renditions, announced, discard: files.discard })
  } catch (error) {
    await files.discard()
    const [first] = complete
    throw first && isSystemError(error) ? cannotWrite(dirname(first.finalPath), error) : error
  }
}

/** Writes the outbox entry first, then gives the files their names. */
async function keep(
  outbox: Outbox,
  { topic, overwrite, input }: ConvertAndAnnounceRequest,
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

export interface FailedConversion extends AnnouncementContext {
  readonly fileName: string
  readonly formats: readonly string[]
  readonly topic: string
}

/** Writes a ConversionFailed for each recipient to the outbox. */
export async function announceFailure(
  outbox: Outbox,
  request: FailedConversion,
  error: HeraldError,
): Promise<KeptAnnouncement> {
  const { fileName, formats } = request
  const announced = failedMessages(request, {
    fileName,
    formats,
    error: error,
    failedAt: new Date(),
  })
  const entryId = await outbox.prepare({
    topic: request.topic,
    messages: announced.map(({ message }) => message),
    files: [],
    label: fileName,
  })
  return { entryId, events: announced.map(({ id, recipient }) => ({ id, recipient })) }
}

/** Such as ENOSPC or EACCES. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
