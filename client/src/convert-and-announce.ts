import { basename, dirname } from 'node:path'
import type { Outbox } from '@herald/broker/outbox'
import type {
  ReceivedConversionSummary,
  ReceivedProgress,
  ReceivedRenditionHeader,
  ReceivedRenditionSummary,
} from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { type AnnouncementFrame, announceConverted, announceFailed } from './announcements.js'
import type { ConverterClient } from './converter-client.js'
import type { InputFile } from './input-file.js'
import { placeOrKeep } from './place-or-keep.js'
import type { PlannedRendition } from './plan-conversions.js'
import { cannotWrite, type RenditionFile, saveRendition } from './save-rendition.js'

export interface ConvertAndAnnounceJob extends AnnouncementFrame {
  readonly input: InputFile
  readonly renditions: readonly PlannedRendition[]
  /** May replace what stands at a final name. */
  readonly overwrite: boolean
  readonly topic: string
  readonly signal: AbortSignal
  onProgress?(progress: ReceivedProgress): void
}

/** A rendition under its final name. */
export interface SavedRendition {
  /** Absolute. */
  readonly path: string
  readonly name: string
  readonly format: string
  readonly mediaType: string
  readonly sizeBytes: number
  readonly sha256: string
  readonly width: number
  readonly height: number
  readonly pages: number
  /** Absent where the format has none. */
  readonly quality: number | undefined
  readonly encoder: string
  readonly conversionMs: number
}

/** An announcement that the outbox holds, and will until it is published. */
export interface KeptAnnouncement {
  /** The outbox entry. */
  readonly entryId: string
  readonly events: readonly { readonly id: string; readonly recipient: string }[]
}

export interface Converted extends KeptAnnouncement {
  readonly summary: ReceivedConversionSummary
  /** In the order asked for. */
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
 * outbox has the events, which its relay then publishes. Rejects with HeraldError; then no final
 * name was given, no temporary file is left and nothing is announced.
 */
export async function convertAndAnnounce(
  { converter, outbox }: ConvertAndAnnounceTools,
  job: ConvertAndAnnounceJob,
): Promise<Converted> {
  const startedAt = new Date()
  const received = new Map<number, ReceivedFile>()
  const { onProgress } = job
  const summary = await converter.convert(job.input, {
    conversionId: job.conversionId,
    renditions: job.renditions.map(({ spec }) => spec),
    traceparent: job.traceparent,
    signal: job.signal,
    ...(onProgress ? { onProgress: (progress) => onProgress(progress) } : {}),
    receive: (header) => receiveRendition(header, job.renditions, received),
  })

  const files = job.renditions.map((_, index) => received.get(index))
  const complete = files.filter((each) => each?.summary !== undefined) as CompleteFile[]
  try {
    if (complete.length !== files.length) {
      throw new HeraldError('HERALD_INTERNAL', 'The converter left out a rendition.')
    }
    // From the record on, the way leads forward only.
    if (job.signal.aborted) throw job.signal.reason
    const renditions = complete.map((each) => savedRendition(each))
    const finishedAt = new Date()
    const announced = announceConverted(job, {
      fileName: job.input.name,
      summary,
      renditions,
      startedAt,
      finishedAt,
    })
    const placed = complete.map(({ file, finalPath, summary: { sha256 } }) => ({
      temporaryPath: file.temporaryPath,
      finalPath,
      sha256,
    }))
    const entryId = await outbox.prepare({
      topic: job.topic,
      messages: announced.map(({ message }) => message),
      files: placed,
      overwrite: job.overwrite,
      label: job.input.name,
    })
    await placeOrKeep(outbox, entryId, placed)
    const events = announced.map(({ id, recipient }) => ({ id, recipient }))
    return { entryId, events, summary, renditions, totalMs: Date.now() - startedAt.getTime() }
  } catch (error) {
    await Promise.all(files.map((each) => each?.file.discard()))
    const [first] = complete
    throw first && isSystemError(error) ? cannotWrite(dirname(first.finalPath), error) : error
  }
}

export interface FailedJob extends AnnouncementFrame {
  readonly fileName: string
  readonly formats: readonly string[]
  readonly topic: string
}

/** Hands a ConversionFailed for each recipient to the outbox. */
export async function announceFailure(
  outbox: Outbox,
  job: FailedJob,
  fault: HeraldError,
): Promise<KeptAnnouncement> {
  const { fileName, formats } = job
  const announced = announceFailed(job, { fileName, formats, fault, failedAt: new Date() })
  const entryId = await outbox.prepare({
    topic: job.topic,
    messages: announced.map(({ message }) => message),
    files: [],
    label: fileName,
  })
  return { entryId, events: announced.map(({ id, recipient }) => ({ id, recipient })) }
}

interface ReceivedFile {
  readonly file: RenditionFile
  readonly finalPath: string
  readonly header: ReceivedRenditionHeader
  summary: ReceivedRenditionSummary | undefined
}

type CompleteFile = ReceivedFile & { summary: ReceivedRenditionSummary }

async function receiveRendition(
  header: ReceivedRenditionHeader,
  planned: readonly PlannedRendition[],
  received: Map<number, ReceivedFile>,
) {
  const plan = planned[header.index]
  if (!plan) throw new HeraldError('HERALD_INTERNAL', 'The converter sent what nobody asked for.')
  const file = await saveRendition(dirname(plan.finalPath))
  const entry: ReceivedFile = { file, finalPath: plan.finalPath, header, summary: undefined }
  received.set(header.index, entry)
  return {
    write: (chunk: Uint8Array) => file.write(chunk),
    async complete(summary: ReceivedRenditionSummary) {
      await file.complete(summary)
      entry.summary = summary
    },
    discard: () => file.discard(),
  }
}

function savedRendition({ header, summary, finalPath }: CompleteFile): SavedRendition {
  return {
    path: finalPath,
    name: basename(finalPath),
    format: header.format,
    mediaType: header.mediaType,
    sizeBytes: summary.sizeBytes,
    sha256: summary.sha256,
    width: header.width,
    height: header.height,
    pages: header.pages,
    quality: summary.quality,
    encoder: summary.encoder,
    conversionMs: summary.conversionMs,
  }
}

/** ENOSPC, EACCES and the like, on the way to the final name. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
