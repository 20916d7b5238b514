import type {
  EstimateManyRequest,
  ReceivedEstimateFailure,
  ReceivedEstimateManyResponse,
  ReceivedEstimateResponse,
  RenditionSpec,
} from '@herald/proto/converter'
import { HeraldError, knownErrorCode } from '@herald/proto/errors'
import { conversionSpec, type DuplexCall, sendChunks, type Upload } from './convert-call.js'
import { withoutSilence } from './silence.js'

export interface EstimateFile {
  readonly upload: Upload
  /** A UUIDv7. */
  readonly conversionId: string
  readonly renditions: readonly RenditionSpec[]
}

/** Called once for each file, with its key. */
export interface EstimateResults {
  estimated(key: number, estimate: ReceivedEstimateResponse): void
  /** The file cannot be read, or the converter cannot estimate it. */
  failed(key: number, error: unknown): void
}

type EstimateCall = DuplexCall<EstimateManyRequest, ReceivedEstimateManyResponse>

/**
 * Requests the estimates of `files` on a new `call`, sending no more of a file than the converter
 * needs. Resolves when `results` has all files; rejects with the error of the call. Aborting `signal`
 * cancels the call.
 */
export async function runEstimateCall(
  call: EstimateCall,
  files: ReadonlyMap<number, EstimateFile>,
  signal: AbortSignal,
  results: EstimateResults,
): Promise<void> {
  const keys = [...files.keys()]
  const open = new Set(keys)
  const over = new AbortController()
  /** Aborted when the converter needs no more of the file that is being sent. */
  let enough = new AbortController()
  let sending: number | undefined

  const cancel = () => call.cancel()
  // The iterator rejects with the error; without a listener it would end the process as well.
  call.on('error', () => over.abort())
  signal.addEventListener('abort', cancel, { once: true })

  const sendAll = async () => {
    for (const [key, file] of files) {
      sending = key
      enough = new AbortController()
      const stop = AbortSignal.any([over.signal, enough.signal])
      if (stop.aborted) return
      call.write({ part: 'spec', spec: conversionSpec(file.upload, file) })
      await sendChunks(call, file.upload, stop).catch((error: unknown) => {
        if (!stop.aborted && open.delete(key)) results.failed(key, error)
      })
    }
    call.end()
  }
  try {
    if (signal.aborted) cancel()
    else void sendAll()
    for await (const { index, estimate, failure } of withoutSilence(call)) {
      const key = keys[index]
      if (key === undefined) continue
      if (key === sending) enough.abort()
      if (!open.delete(key)) continue
      if (estimate) results.estimated(key, estimate)
      else results.failed(key, failureError(failure))
    }
    if (open.size === 0) return
    throw new HeraldError('HERALD_DAMAGED_TRANSFER', "The converter's response is incomplete.", {
      remedy: 'Try again.',
    })
  } finally {
    over.abort()
    signal.removeEventListener('abort', cancel)
    cancel()
  }
}

function failureError(failure: ReceivedEstimateFailure | null | undefined): HeraldError {
  const { errorCode, message = '', remedy } = failure ?? {}
  const code = knownErrorCode(errorCode) ?? 'HERALD_INTERNAL'
  return new HeraldError(code, message, remedy ? { remedy } : {})
}
