import { setTimeout as sleep } from 'node:timers/promises'
import { credentials, Metadata, status } from '@grpc/grpc-js'
import {
  ConverterService,
  type ReceivedConversionSummary,
  type ReceivedEstimateResponse,
  type ReceivedListFormatsResponse,
} from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { type ConvertOptions, runConvertCall, type Upload } from './convert-call.js'
import { converterError } from './converter-errors.js'
import { toHeraldError } from './errors.js'
import { type EstimateFile, runEstimateCall } from './estimate-call.js'
import { createRetryPolicy } from './retry-policy.js'

/** The converter at one address. Every failure is a HeraldError that may be shown. */
export interface ConverterClient {
  /** What the converter can read and write now. Rejects with HERALD_UNREACHABLE within seconds. */
  formats(): Promise<ReceivedListFormatsResponse>
  /**
   * Converts one file. While the converter is full, restarts or loses the connection, it starts again
   * at the first byte, for a limited time. Rejects with the error of the last attempt; if `signal`
   * is aborted, with its reason if that is a HeraldError, else with HERALD_CANCELLED.
   */
  convert(upload: Upload, options: ConvertOptions): Promise<ReceivedConversionSummary>
  /**
   * Requests in one call how long conversions would take, and whether a limit forbids them.
   * Retries as `convert` does. Resolves when each file has its result; does not reject.
   */
  estimate(files: readonly EstimateFile[], options: EstimateOptions): Promise<void>
  /** Ends the connection. Idempotent. */
  close(): void
}

export interface EstimateOptions {
  /** W3C Trace Context. */
  readonly traceparent: string
  readonly signal: AbortSignal
  /** Called once for each file, with its index, in any order. */
  onResult(index: number, result: EstimateResult): void
}

export interface EstimateResult {
  /** Undefined if there is an error, or the converter is too old to estimate. */
  readonly estimate?: ReceivedEstimateResponse
  readonly error?: HeraldError
}

const answerWithinMs = 5_000

/** `address` is `host:port`. Connects with the first call. */
export function openConverter(address: string): ConverterClient {
  const client = new ConverterService(address, credentials.createInsecure(), {
    // A converter on the same network is not behind the proxy of `http_proxy`.
    'grpc.enable_http_proxy': 0,
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 1_000,
  })
  const named = (thrown: unknown) => toHeraldError(converterError(thrown, address))

  const withRetries = async <T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> => {
    const policy = createRetryPolicy()
    for (;;) {
      throwIfAborted(signal)
      try {
        return await attempt()
      } catch (thrown) {
        throwIfAborted(signal)
        const error = named(thrown)
        const waitMs = policy.delayFor(error)
        if (waitMs === undefined) throw error
        await sleep(waitMs, undefined, { signal }).catch(() => {})
      }
    }
  }

  return {
    formats: () =>
      new Promise((resolve, reject) => {
        const deadline = Date.now() + answerWithinMs
        client.listFormats({}, { deadline }, (error, response) => {
          if (error || !response) reject(named(error))
          else resolve(response)
        })
      }),

    convert: (upload, options) =>
      withRetries(options.signal, () => {
        const metadata = new Metadata()
        metadata.set('traceparent', options.traceparent)
        return runConvertCall(client.convert(metadata), upload, options)
      }),

    async estimate(files, { traceparent, signal, onResult }) {
      const open = new Map(files.entries())
      const settle = (index: number, result: EstimateResult) => {
        if (open.delete(index)) onResult(index, result)
      }
      const attempt = async () => {
        const metadata = new Metadata()
        metadata.set('traceparent', traceparent)
        await runEstimateCall(client.estimateMany(metadata), new Map(open), signal, {
          estimated: (index, estimate) => settle(index, { estimate }),
          failed: (index, thrown) => settle(index, { error: named(thrown) }),
        }).catch((error) => {
          if (error.code !== status.UNIMPLEMENTED) throw error
        })
      }
      const error = await withRetries(signal, attempt).catch((last: HeraldError) => last)
      for (const index of [...open.keys()]) settle(index, error ? { error } : {})
    },

    close: () => client.close(),
  }
}

function throwIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return
  throw signal.reason instanceof HeraldError
    ? signal.reason
    : new HeraldError('HERALD_CANCELLED', 'The conversion was cancelled.')
}
