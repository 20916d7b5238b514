import { type EventEmitter, once } from 'node:events'
import type {
  ConvertRequest,
  ReceivedConversionSummary,
  ReceivedConvertResponse,
  ReceivedProgress,
  ReceivedRenditionHeader,
  ReceivedRenditionSummary,
  RenditionSpec,
} from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { type SilenceLimits, silenceLimits, withoutSilence } from './silence.js'

/** A file to send. */
export interface Upload {
  /** As its owner knows it. */
  readonly name: string
  /** Undefined if it is not known before the last byte. */
  readonly sizeBytes: number | undefined
  /** Its bytes from the first on, in chunks of at most 1 MiB; called again for each attempt. */
  open(): AsyncIterable<Uint8Array>
  /** Whether it cannot be opened again: then an attempt that fails is the last. */
  readonly isUsedUp?: boolean
}

/** Where the bytes of one rendition go. */
export interface RenditionSink {
  /** Chunks in order, one at a time; the next comes when this has resolved. */
  write(chunk: Uint8Array): Promise<void>
  /** The last call of a success. Rejects with HERALD_DAMAGED_TRANSFER to have all of it sent again. */
  complete(summary: ReceivedRenditionSummary): Promise<void>
  /** Called if the attempt fails, also after `complete`. Does not reject. */
  discard(): Promise<void>
}

export interface ConvertOptions {
  /** A UUIDv7. */
  readonly conversionId: string
  readonly renditions: readonly RenditionSpec[]
  /** W3C Trace Context. */
  readonly traceparent: string
  /** Cancels the conversion, on the server too. */
  readonly signal: AbortSignal
  /**
   * Called when a rendition begins; with `everyPage` once for each page, which `page` identifies.
   * After a failed attempt it is called again and gives a new sink.
   */
  receive(header: ReceivedRenditionHeader): Promise<RenditionSink>
  onProgress?(progress: ReceivedProgress): void
  /** Called while no converter has taken the file: `error` has the reason. The call goes on. */
  onWaiting?(error: HeraldError): void
}

/** As much of gRPC's duplex stream as is needed here. */
export interface DuplexCall<Request, Response> extends AsyncIterable<Response> {
  write(request: Request): boolean
  end(): unknown
  cancel(): void
  on(event: string, listener: () => void): unknown
}

export type ConvertCall = DuplexCall<ConvertRequest, ReceivedConvertResponse>

/**
 * Makes one attempt on a new `call`. Rejects with the error of the call, the file or a sink, after
 * every sink is discarded; with HERALD_UNREACHABLE if the converter is silent for longer than `limits`.
 */
export async function runConvertCall(
  call: ConvertCall,
  upload: Upload,
  options: ConvertOptions,
  limits: SilenceLimits = silenceLimits,
): Promise<ReceivedConversionSummary> {
  const over = new AbortController()
  const cancel = () => call.cancel()
  options.signal.addEventListener('abort', cancel, { once: true })
  // The iterator rejects with the error; without a listener it would end the process as well.
  call.on('error', () => over.abort())

  const sinks: RenditionSink[] = []
  let uploadError: unknown
  const startUpload = () => {
    sendChunks(call, upload, over.signal).then(
      () => call.end(),
      (error: unknown) => {
        if (over.signal.aborted) return
        uploadError = error
        call.cancel()
      },
    )
  }
  try {
    if (options.signal.aborted) call.cancel()
    call.write({ part: 'spec', spec: conversionSpec(upload, options) })
    return await readResponses(withoutSilence(call, limits), options, sinks, startUpload)
  } catch (error) {
    await Promise.all(sinks.map((sink) => sink.discard()))
    throw uploadError ?? error
  } finally {
    options.signal.removeEventListener('abort', cancel)
    over.abort()
    call.cancel()
  }
}

/** The first message of a stream. */
export function conversionSpec(
  upload: Upload,
  { conversionId, renditions }: Pick<ConvertOptions, 'conversionId' | 'renditions'>,
) {
  return {
    fileName: upload.name,
    ...(upload.sizeBytes === undefined ? {} : { sizeBytes: upload.sizeBytes }),
    renditions: [...renditions],
    conversionId,
  }
}

const noProgress: ReceivedProgress = {
  ...{ stage: 'STAGE_UPLOADING', receivedBytes: 0 },
  ...{ renditionsDone: 0, renditionsTotal: 0, estimatedMs: 0 },
}

async function readResponses(
  call: AsyncIterable<ReceivedConvertResponse>,
  options: ConvertOptions,
  sinks: RenditionSink[],
  startUpload: () => void,
): Promise<ReceivedConversionSummary> {
  let current: RenditionSink | undefined
  let summary: ReceivedConversionSummary | undefined
  let complete = 0
  for await (const response of call) {
    if (response.admitted) {
      // The converter reports nothing before the first bytes, and the call may have waited.
      options.onProgress?.(noProgress)
      startUpload()
    } else if (response.progress) options.onProgress?.(response.progress)
    else if (response.header) {
      current = await options.receive(response.header)
      sinks.push(current)
    } else if (response.chunk && current) await current.write(response.chunk)
    else if (response.rendition && current) {
      await current.complete(response.rendition)
      current = undefined
      complete += 1
    } else if (response.summary) summary = response.summary
  }
  if (!summary || current || complete !== expectedFiles(options, summary)) {
    throw new HeraldError('HERALD_DAMAGED_TRANSFER', "The converter's response is incomplete.", {
      remedy: 'Try again.',
    })
  }
  return summary
}

function expectedFiles({ renditions }: ConvertOptions, { input }: ReceivedConversionSummary) {
  const pages = input?.pages ?? 1
  return renditions.reduce((sum, { everyPage }) => sum + (everyPage ? pages : 1), 0)
}

/**
 * The size of a file's chunks. A small file is fastest in chunks of 256 KiB; a server buffers a few
 * chunks of each upload, so that a hundred large ones in chunks of 64 KiB take 80 MB less (measured).
 */
export function chunkBytesOf(sizeBytes: number | undefined): number {
  return sizeBytes !== undefined && sizeBytes <= 4 * 1024 ** 2 ? 256 * 1024 : 64 * 1024
}

/** Sends the file as fast as it is taken; returns early if `over` is aborted. */
export async function sendChunks(
  call: Pick<ConvertCall, 'write'>,
  upload: Upload,
  over: AbortSignal,
): Promise<void> {
  for await (const chunk of upload.open()) {
    if (over.aborted) return
    if (call.write({ part: 'chunk', chunk })) continue
    // `once` rejects with the call's own error as well, which the reader reports already.
    await once(call as unknown as EventEmitter, 'drain', { signal: over })
  }
}
