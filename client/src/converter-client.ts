import { setTimeout as sleep } from 'node:timers/promises'
import { Metadata, status } from '@grpc/grpc-js'
import type {
  ReceivedConversionSummary,
  ReceivedEstimateResponse,
  ReceivedListFormatsResponse,
} from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { type ConvertOptions, runConvertCall, type Upload } from './convert-call.js'
import { type ConverterChannel, connectWithinMs } from './converter-channel.js'
import {
  converterError,
  lostInUpload,
  noneAvailable,
  notAnswered,
  notConnected,
  type Refusal,
} from './converter-errors.js'
import { listFormats } from './converter-formats.js'
import { ConverterPool, type Lookup } from './converter-pool.js'
import { toHeraldError } from './errors.js'
import { type EstimateFile, runEstimateCall } from './estimate-call.js'
import { createRetryPolicy } from './retry-policy.js'
import { silenceLimits } from './silence.js'

/** One converter or several, used in turn. Every failure is a HeraldError that may be shown. */
export interface ConverterClient {
  /**
   * What the converters can read and write now, as the first to answer reports it; `workers` is the
   * sum of all that answer in time. Rejects with HERALD_UNREACHABLE within seconds.
   */
  formats(): Promise<ReceivedListFormatsResponse>
  /**
   * Converts one file. A converter that is full, stops or cannot be reached is passed over. If all
   * are, or the connection is lost, it starts again at the first byte, for a limited time. Rejects
   * with the error of the last attempt; if `signal` is aborted, with its reason if that is a
   * HeraldError, else with HERALD_CANCELLED.
   */
  convert(upload: Upload, options: ConvertOptions): Promise<ReceivedConversionSummary>
  /**
   * Requests in one call how long conversions would take, and whether a limit forbids them.
   * Retries as `convert` does. Resolves when each file has its result; does not reject.
   */
  estimate(files: readonly EstimateFile[], options: EstimateOptions): Promise<void>
  /** Ends the connections. Idempotent. */
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

/** How long one of several converters may take to admit a call; with slow uploads before it, seconds. */
const admitWithinMs = 20_000
/** After this time without an answer, that is reported, and further calls go to other converters first. */
const usuallyAdmitsWithinMs = 2_000

/** `target` as in HERALD_CONVERTER. Connects with the first call. `lookup`: instead of the system's. */
export function openConverter(target: string, lookup?: Lookup): ConverterClient {
  const pool = new ConverterPool(target, lookup)
  return {
    formats: async () => listFormats(await pool.all()),

    convert(upload, options) {
      const noAnswer = setTimeout(
        () => options.onWaiting?.(notAnswered(usuallyAdmitsWithinMs)),
        usuallyAdmitsWithinMs,
      )
      const onWaiting = (error: HeraldError) => {
        clearTimeout(noAnswer)
        options.onWaiting?.(error)
      }
      return withRetries(pool, { ...options, onWaiting, uploads: [upload] }, async (channel) => {
        const { length } = await pool.all()
        const limits = length > 1 ? { ...silenceLimits, firstMs: admitWithinMs } : silenceLimits
        const slow = setTimeout(() => channel.avoid(admitWithinMs), usuallyAdmitsWithinMs)
        const { name, sizeBytes } = upload
        // Opened when the call is admitted.
        const open = () => {
          clearTimeout(noAnswer)
          clearTimeout(slow)
          return upload.open()
        }
        const call = channel.client.convert(metadataOf(options))
        return runConvertCall(call, { name, sizeBytes, open }, options, limits).finally(() =>
          clearTimeout(slow),
        )
      }).finally(() => clearTimeout(noAnswer))
    },

    async estimate(files, { traceparent, signal, onResult }) {
      const open = new Map(files.entries())
      const settle = (index: number, result: EstimateResult) => {
        if (open.delete(index)) onResult(index, result)
      }
      const attempt = async ({ client, address }: ConverterChannel) => {
        const results = {
          estimated: (index: number, estimate: ReceivedEstimateResponse) =>
            settle(index, { estimate }),
          failed: (index: number, thrown: unknown) =>
            settle(index, { error: named(thrown, address) }),
        }
        const call = client.estimateMany(metadataOf({ traceparent }))
        await runEstimateCall(call, new Map(open), signal, results).catch((error) => {
          if (error.code !== status.UNIMPLEMENTED) throw error
        })
      }
      const uploads = files.map(({ upload }) => upload)
      const retried = withRetries(pool, { signal, uploads }, attempt)
      const error = await retried.catch((last: HeraldError) => last)
      for (const index of [...open.keys()]) settle(index, error ? { error } : {})
    },

    close: () => pool.close(),
  }
}

const named = (thrown: unknown, address: string) => toHeraldError(converterError(thrown, address))

function metadataOf({ traceparent }: { readonly traceparent: string }): Metadata {
  const metadata = new Metadata()
  metadata.set('traceparent', traceparent)
  return metadata
}

interface RetriedCall extends Pick<ConvertOptions, 'signal' | 'onWaiting'> {
  readonly uploads: readonly Upload[]
}

/** Makes rounds of attempts until one succeeds, the retry policy gives up or an upload is used up. */
async function withRetries<T>(
  pool: ConverterPool,
  { signal, onWaiting, uploads }: RetriedCall,
  attempt: (channel: ConverterChannel) => Promise<T>,
): Promise<T> {
  const policy = createRetryPolicy()
  const isLast = () => uploads.some(({ isUsedUp }) => isUsedUp)
  for (;;) {
    throwIfAborted(signal)
    try {
      return await tryEach(pool, { signal, isLast }, attempt)
    } catch (thrown) {
      throwIfAborted(signal)
      const error = toHeraldError(thrown)
      if (isLast()) throw error.code === 'HERALD_UNREACHABLE' ? lostInUpload(error) : error
      const waitMs = policy.delayFor(error)
      if (waitMs === undefined) throw error
      onWaiting?.(error)
      await sleep(waitMs, undefined, { signal }).catch(() => {})
    }
  }
}

/** Another converter may take the call at once. */
const isPassedOver = ({ code }: HeraldError) =>
  code === 'HERALD_BUSY' || code === 'HERALD_SHUTTING_DOWN' || code === 'HERALD_UNREACHABLE'

/** One round: each converter at most once. Rejects with a HeraldError. */
async function tryEach<T>(
  pool: ConverterPool,
  { signal, isLast }: { readonly signal: AbortSignal; isLast(): boolean },
  attempt: (channel: ConverterChannel) => Promise<T>,
): Promise<T> {
  const failures = new Map<ConverterChannel, HeraldError>()
  for (;;) {
    const channel = await pool.next(failures, signal)
    throwIfAborted(signal)
    if (!channel) break
    try {
      return await attempt(channel)
    } catch (thrown) {
      const error = named(thrown, channel.address)
      if (signal.aborted || !isPassedOver(error)) throw error
      failures.set(channel, error)
      if (error.code !== 'HERALD_UNREACHABLE') channel.avoid()
      // It has sent nothing: the connection may be dead without notice.
      else if (error.cause === undefined) channel.reconnect()
      if (isLast()) throw error
    }
  }
  const refusals = (await pool.all()).map((channel): Refusal => {
    const { address } = channel
    return { address, error: failures.get(channel) ?? notConnected(address, connectWithinMs) }
  })
  throw noneAvailable(refusals)
}

function throwIfAborted(signal: AbortSignal): void {
  if (!signal.aborted) return
  throw signal.reason instanceof HeraldError
    ? signal.reason
    : new HeraldError('HERALD_CANCELLED', 'The conversion was cancelled.')
}
