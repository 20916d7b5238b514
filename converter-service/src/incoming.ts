import type { Readable } from 'node:stream'
import type { ReceivedConversionSpec, ReceivedConvertRequest } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import { seconds } from './children/budget.js'
import { describeBytes, maxChunkBytes } from './limits.js'
import { badSpec } from './spec.js'

/** The minimum rate of an upload. Only time in which the server waits for it counts. */
export interface UploadLimits {
  /** The longest pause. */
  readonly idleMs: number
  /** The least bytes per second, as a mean over `idleMs`. */
  readonly minBytesPerSecond: number
  /** The most time of the whole upload. */
  readonly timeoutMs: number
}

/** The requests of a call: the spec, then the chunks. */
interface Incoming {
  /** The first message. Rejects with HERALD_BAD_SPEC when it is anything else. */
  spec(): Promise<ReceivedConversionSpec>
  /** The rest, none of them empty. Rejects with HERALD_TIMEOUT when they come too slowly. */
  chunks(): AsyncIterable<Buffer>
}

export function readCall(call: Pick<Readable, 'iterator'>, uploadLimits: UploadLimits): Incoming {
  // Leaving the loop must not destroy the stream: the answer is still to be sent on it.
  const messages: AsyncIterator<ReceivedConvertRequest> = call
    .iterator({ destroyOnReturn: false })
    [Symbol.asyncIterator]()
  return {
    async spec() {
      const { value, done } = await within(messages.next(), uploadLimits.idleMs, () =>
        tooSlow(0, uploadLimits),
      )
      if (done || !value.spec) {
        throw badSpec('The first message is not a ConversionSpec.', 'Send the spec first.')
      }
      return value.spec
    },
    async *chunks() {
      // The clock restarts only after enough bytes for the minimum rate.
      const minBytes = Math.max(1, (uploadLimits.minBytesPerSecond * uploadLimits.idleMs) / 1000)
      let bytes = 0
      let idleLeftMs = uploadLimits.idleMs
      let leftMs = uploadLimits.timeoutMs
      for (;;) {
        const from = performance.now()
        const limitMs = Math.min(idleLeftMs, leftMs)
        const { value, done } = await within(messages.next(), limitMs, () =>
          leftMs <= idleLeftMs ? tookTooLong(uploadLimits) : tooSlow(bytes, uploadLimits),
        )
        if (done) return
        const waitedMs = performance.now() - from
        idleLeftMs -= waitedMs
        leftMs -= waitedMs
        const { chunk } = value
        if (value.part !== 'chunk' || !chunk) {
          throw badSpec('A message after the spec is not a chunk.', 'Send chunks only.')
        }
        if (chunk.length > maxChunkBytes) {
          const most = describeBytes(maxChunkBytes)
          throw badSpec(
            `A chunk has ${describeBytes(chunk.length)}; the limit is ${most}.`,
            `Send chunks of at most ${most}.`,
          )
        }
        bytes += chunk.length
        if (bytes >= minBytes) {
          bytes = 0
          idleLeftMs = uploadLimits.idleMs
        }
        if (chunk.length > 0) yield chunk
      }
    },
  }
}

function tooSlow(bytes: number, { idleMs, minBytesPerSecond }: UploadLimits): HeraldError {
  const message =
    bytes === 0
      ? `No data arrived for ${seconds(idleMs)}.`
      : `Only ${describeBytes(bytes)} arrived in ${seconds(idleMs)}; this server requires ${describeBytes(minBytesPerSecond)} per second.`
  return new HeraldError('HERALD_TIMEOUT', message, {
    remedy: 'Check the connection and try again.',
  })
}

function tookTooLong({ timeoutMs }: UploadLimits): HeraldError {
  return new HeraldError(
    'HERALD_TIMEOUT',
    `The upload took longer than this server's limit of ${seconds(timeoutMs)}.`,
    { remedy: 'Use a faster connection, or a smaller file.' },
  )
}

async function within<T>(promise: Promise<T>, ms: number, fail: () => HeraldError): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(fail()), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
