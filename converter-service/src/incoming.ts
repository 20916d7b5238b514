import type { Readable } from 'node:stream'
import type { ReceivedConversionSpec, ReceivedConvertRequest } from '@herald/proto/converter'
import { standstill } from './responder.js'
import { badSpec } from './spec.js'

/** The asking half of a call: the spec, then the chunks. */
export interface Incoming {
  /** The first message. Rejects with HERALD_BAD_SPEC when it is anything else. */
  spec(): Promise<ReceivedConversionSpec>
  /** The rest, at the pace it is taken. Rejects with HERALD_TIMEOUT when nothing comes. */
  chunks(): AsyncIterable<Buffer>
}

export function readCall(call: Pick<Readable, 'iterator'>, idleMs: number): Incoming {
  // Leaving the loop must not destroy the stream: the answer is still to be sent on it.
  const messages: AsyncIterator<ReceivedConvertRequest> = call
    .iterator({ destroyOnReturn: false })
    [Symbol.asyncIterator]()
  const next = () => within(messages.next(), idleMs)
  return {
    async spec() {
      const { value, done } = await next()
      if (done || !value.spec) {
        throw badSpec('The first message is not a ConversionSpec.', 'Send the spec first.')
      }
      return value.spec
    },
    async *chunks() {
      for (;;) {
        const { value, done } = await next()
        if (done) return
        if (value.part !== 'chunk' || !value.chunk) {
          throw badSpec('After the spec came something else than a chunk.', 'Send chunks only.')
        }
        yield value.chunk
      }
    },
  }
}

async function within<T>(promise: Promise<T>, idleMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(standstill('No bytes came', idleMs)), idleMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
