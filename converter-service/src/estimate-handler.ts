import type { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'
import type { ServerDuplexStream, StatusObject } from '@grpc/grpc-js'
import type {
  ConverterServiceHandlers,
  EstimateFailure,
  EstimateManyResponse,
  ReceivedEstimateManyRequest,
} from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import type { Logger } from '@herald/runtime/logger'
import type { Admission } from './admission.js'
import { estimateFile, type FileServices } from './estimate-file.js'
import { failureStatus, toPublicError } from './grpc/call-errors.js'
import { addressOf } from './grpc/connections.js'
import { readCall, type UploadLimits } from './incoming.js'
import { PeerLimit } from './peer-limit.js'

type EstimateManyCall = ServerDuplexStream<ReceivedEstimateManyRequest, EstimateManyResponse>

interface EstimateServices extends FileServices {
  readonly admission: Pick<Admission, 'refuseIfClosed'>
  readonly uploadLimits: UploadLimits
  readonly logger: Logger
  /** The most of the estimates that one peer may hold, 0 to 1. */
  readonly peerShare: number
}

/** Estimates at a time: each holds a part of a file on disk. */
const maxAtOnce = 64

/** The handlers that estimate conversions, from as few of the files' bytes as possible. */
export function estimateHandlers(
  services: EstimateServices,
): Pick<ConverterServiceHandlers, 'Estimate' | 'EstimateMany'> {
  const { uploadLimits, logger } = services
  const limit = new PeerLimit(maxAtOnce, services.peerShare, 'estimates are under way')
  // A late estimate is useless, and their number is limited.
  const estimateLimits = {
    ...uploadLimits,
    timeoutMs: Math.min(uploadLimits.timeoutMs, uploadLimits.idleMs),
  }

  const admitted = async <T>(
    call: EventEmitter & { getPeer(): string },
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const gone = new AbortController()
    call.on('cancelled', () =>
      gone.abort(new HeraldError('HERALD_CANCELLED', 'The caller cancelled the estimate.')),
    )
    try {
      services.admission.refuseIfClosed()
      const release = limit.acquire(addressOf(call.getPeer()))
      return await work(gone.signal).finally(release)
    } catch (error) {
      throw failureStatus(gone.signal.aborted ? gone.signal.reason : error, logger)
    }
  }

  return {
    Estimate: (call, callback) => {
      admitted(call, async (signal) => {
        const incoming = readCall(call, estimateLimits)
        return estimateFile(await incoming.spec(), incoming.chunks(), signal, services)
      }).then(
        (response) => callback(null, response),
        (status: StatusObject) => callback(status),
      )
    },
    EstimateMany: (call) => {
      admitted(call, (signal) => estimateMany(call, estimateLimits, signal, services)).then(
        () => call.end(),
        (status) => call.emit('error', status),
      )
    },
  }
}

/**
 * Reads one file after the other. A complete file is inspected while the next ones are read, as a
 * document takes seconds.
 */
async function estimateMany(
  call: EstimateManyCall,
  uploadLimits: UploadLimits,
  signal: AbortSignal,
  services: EstimateServices,
): Promise<void> {
  const nextFile = splitIntoFiles(call)
  const pending = new Set<Promise<void>>()
  try {
    for (let index = 0; ; index++) {
      const file = nextFile()
      const incoming = readCall(file, uploadLimits)
      const spec = await incoming.spec().catch((error) => {
        if (!file.isEnd()) throw error
      })
      if (!spec) break
      const answered = estimateFile(spec, incoming.chunks(), signal, services)
        .then(
          (estimate) => ({ index, estimate }),
          (error) => ({ index, failure: failureOf(error, services.logger) }),
        )
        .then((message) => send(call, message))
        .then(() => void pending.delete(answered))
      pending.add(answered)
      await Promise.race([answered, file.complete])
      for await (const _unneeded of incoming.chunks()) signal.throwIfAborted()
      if (pending.size > services.children) await Promise.race(pending)
    }
    await Promise.all(pending)
  } finally {
    await Promise.allSettled(pending)
  }
}

/** The messages of one file. */
interface FileOfCall extends Pick<Readable, 'iterator'> {
  /** Resolves when its last message has been read. */
  readonly complete: Promise<void>
  /** The stream ended before another spec. */
  isEnd(): boolean
}

/** The returned function returns the next file; the previous one must have been read. */
function splitIntoFiles(call: EstimateManyCall): () => FileOfCall {
  // Leaving the loop must not destroy the stream: the answers are still to be sent on it.
  const messages: AsyncIterator<ReceivedEstimateManyRequest> = call
    .iterator({ destroyOnReturn: false })
    [Symbol.asyncIterator]()
  let first: Promise<IteratorResult<ReceivedEstimateManyRequest>> | undefined
  return () => {
    let isEnd = false
    let complete = () => {}
    const completed = new Promise<void>((resolve) => {
      complete = resolve
    })
    async function* read() {
      first ??= messages.next()
      let message = await first
      isEnd = message.done ?? false
      while (!message.done) {
        yield message.value
        first = messages.next()
        message = await first
        if (message.value?.spec) break
      }
      complete()
    }
    const file = read()
    return { iterator: () => file, complete: completed, isEnd: () => isEnd }
  }
}

const send = (call: EstimateManyCall, message: EstimateManyResponse): Promise<void> =>
  new Promise((resolve, reject) => {
    call.write(message, (error?: Error | null) => (error ? reject(error) : resolve()))
  })

/** The failure of one file. Throws a retryable error, which fails the whole call. */
function failureOf(thrown: unknown, logger: Logger): EstimateFailure {
  const error = toPublicError(thrown, logger)
  if (error.retryable) throw error
  const { code, publicMessage, remedy = '' } = error
  return { errorCode: code, message: publicMessage, remedy }
}
