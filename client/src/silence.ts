import { HeraldError } from '@herald/proto/errors'

/** How long a converter may send nothing. */
export interface SilenceLimits {
  /** Before its first message, which admits the call. */
  readonly firstMs: number
  readonly laterMs: number
}

/** The converter sends progress at least every ten seconds. */
const maxSilenceMs = 60_000

export const silenceLimits: SilenceLimits = { firstMs: maxSilenceMs, laterMs: maxSilenceMs }

/**
 * The messages of a call, at the reader's pace. HTTP/2 pings would notice a lost converter as well,
 * but grpc-js ends running calls by a ping after a GOAWAY: https://github.com/grpc/grpc-node/issues/3068
 */
export async function* withoutSilence<Response>(
  call: AsyncIterable<Response>,
  { firstMs, laterMs }: SilenceLimits = silenceLimits,
): AsyncIterable<Response> {
  const messages = call[Symbol.asyncIterator]()
  let silenceMs = firstMs
  for (;;) {
    let timer: NodeJS.Timeout | undefined
    const silence = new Promise<never>((_resolve, reject) => {
      const error = new HeraldError(
        'HERALD_UNREACHABLE',
        `The converter has sent nothing for ${silenceMs / 1000} s.`,
        { remedy: 'Check the connection and try again.' },
      )
      timer = setTimeout(() => reject(error), silenceMs)
    })
    const next = messages.next()
    // After the timeout the call is cancelled, and this rejects as well.
    next.catch(() => {})
    const { value, done } = await Promise.race([next, silence]).finally(() => clearTimeout(timer))
    if (done) return
    silenceMs = laterMs
    yield value
  }
}
