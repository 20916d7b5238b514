import type { RenditionSpec } from '@herald/proto/converter'
import type { HeraldError } from '@herald/proto/errors'
import { v7 as uuidv7 } from 'uuid'
import type { Announced } from '../announcements.js'
import type { ReceivedConversion } from '../convert-and-announce.js'
import { newTraceparent } from '../trace.js'
import type { Links } from './links.js'
import type { AnnouncementState, ConversionRecord } from './record.js'
import { newToken, type Records } from './records.js'

/** The conversion of one file. */
export interface ConversionRequest {
  readonly owner: string
  readonly key: string | undefined
  /** The folder it was dropped with, `photos/2024`; may be empty. */
  readonly folder: string
  readonly runToken: string
  readonly runId: string
  readonly runSize: number | undefined
  readonly spec: RenditionSpec & { readonly format: string }
  /** The extension of its files, without the dot. */
  readonly extension: string
  readonly recipient: string
  readonly language: string
}

/** `ce_source` of what the web page announces. */
const source = '/herald/web'

/** The announcement's context. */
export function contextOf(record: ConversionRecord, links: Links) {
  const { runSize } = record
  return {
    conversionId: record.conversionId,
    runId: record.runId,
    source,
    traceparent: record.traceparent,
    recipients: record.recipient === '' ? [] : [record.recipient],
    language: record.language,
    pageUrl: links.page(record.token),
    linkTo: (name: string) => links.file(record.token, name),
    ...(runSize === undefined ? {} : { runSize }),
  }
}

/** The changes of a record whose conversion failed at `nowMs`. */
export function failed({ code, publicMessage, remedy = '' }: HeraldError, nowMs: number) {
  return {
    state: 'failed',
    fault: { code, message: publicMessage, remedy },
    files: [],
    finishedAtMs: nowMs,
  } as const
}

/** The state of an announcement that is not in an outbox yet; null if there is none. */
export function announcementOf(
  announced: Announced | undefined,
  nowMs: number,
): AnnouncementState | null {
  if (!announced) return null
  return {
    entryId: '',
    eventId: announced.id,
    keptAtMs: nowMs,
    publishedAtMs: 0,
    lastFault: '',
  }
}

/** The record of a conversion that this instance begins. */
export function newRecord(
  request: ConversionRequest,
  name: string,
  { instance: holder, now }: Pick<Records, 'instance' | 'now'>,
): ConversionRecord {
  const nowMs = now()
  const token = newToken()
  return {
    token,
    owner: request.owner,
    conversionId: uuidv7(),
    runToken: request.runToken,
    runId: request.runId,
    key: request.key ?? token,
    name,
    folder: request.folder,
    target: request.spec.format,
    recipient: request.recipient,
    language: request.language,
    traceparent: newTraceparent(),
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    state: 'converting',
    holder,
    runSize: request.runSize,
    finishedAtMs: 0,
    source: null,
    files: [],
    stripped: [],
    conversionMs: 0,
    preview: null,
    fault: null,
    announcement: null,
  }
}

/** The changes of a record when all files have arrived, at `nowMs`. */
export function factsOf(
  { summary, renditions }: Pick<ReceivedConversion, 'summary' | 'renditions'>,
  nowMs: number,
) {
  const { input, preview, stripped, conversionMs } = summary
  return {
    source: input && {
      format: input.format,
      mediaType: input.mediaType,
      sizeBytes: input.sizeBytes,
      width: input.width,
      height: input.height,
      pages: input.pages,
    },
    files: renditions.map((each) => ({
      name: each.name,
      format: each.format,
      mediaType: each.mediaType,
      sizeBytes: each.sizeBytes,
      sha256: each.sha256,
      width: each.width,
      height: each.height,
      pages: each.pages,
    })),
    stripped,
    conversionMs,
    preview: preview && {
      mediaType: preview.mediaType,
      width: preview.width,
      height: preview.height,
    },
    finishedAtMs: nowMs,
  }
}
