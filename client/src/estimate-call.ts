import { type ClientWritableStream, Metadata, status } from '@grpc/grpc-js'
import type {
  ConverterServiceClient,
  EstimateRequest,
  ReceivedEstimateResponse,
  RenditionSpec,
} from '@herald/proto/converter'
import { conversionSpec, sendChunks, type Upload } from './convert-call.js'

export interface EstimateOptions {
  readonly conversionId: string
  readonly renditions: readonly RenditionSpec[]
  readonly traceparent: string
  readonly signal: AbortSignal
}

// From a header it is quick; a document may have to be read as a whole.
const answerWithinMs = 60_000

/**
 * Asks what a conversion would cost, sending no more of the file than the converter wants to see.
 * Resolves to undefined where it does not estimate; rejects with what the call or the file failed with.
 */
export async function runEstimateCall(
  client: ConverterServiceClient,
  upload: Upload,
  options: EstimateOptions,
): Promise<ReceivedEstimateResponse | undefined> {
  const metadata = new Metadata()
  metadata.set('traceparent', options.traceparent)
  const over = new AbortController()
  let call: ClientWritableStream<EstimateRequest> | undefined
  const cancel = () => call?.cancel()
  try {
    return await new Promise((resolve, reject) => {
      const opened = client.estimate(
        metadata,
        { deadline: Date.now() + answerWithinMs },
        (error, response) => {
          if (error?.code === status.UNIMPLEMENTED) resolve(undefined)
          else if (error) reject(error)
          else resolve(response)
        },
      )
      call = opened
      // What it fails with comes to the callback as well.
      opened.on('error', () => {})
      options.signal.addEventListener('abort', cancel, { once: true })
      if (options.signal.aborted) cancel()
      opened.write({ part: 'spec', spec: conversionSpec(upload, options) })
      sendChunks(opened, upload, over.signal).catch((error: unknown) => {
        if (!over.signal.aborted) reject(error)
      })
    })
  } finally {
    over.abort()
    options.signal.removeEventListener('abort', cancel)
    cancel()
  }
}
