import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { HeraldError } from '@herald/proto/errors'
import { chunkBytesOf, type Upload } from '../convert-call.js'

export interface StreamedUpload extends Upload {
  /** Resolves when the browser sends no more of it, even if the conversion has failed. */
  readonly consumed: Promise<void>
  /** Reads and discards the rest. */
  drain(): void
}

/**
 * An upload as it arrives from the browser. It can be read once; only one chunk is in memory. `lost`
 * is called if the browser aborts, and if the size is another one.
 */
export function streamUpload(
  stream: Readable,
  { name, sizeBytes }: { name: string; sizeBytes: number | undefined },
  lost: (error: HeraldError) => void,
): StreamedUpload {
  const chunkBytes = chunkBytesOf(sizeBytes)
  let isUsedUp = false
  const consumed = finished(stream).catch((error: unknown) => {
    // Otherwise the client would retry and report that the converter was lost.
    if (error instanceof HeraldError) lost(error)
  })
  return {
    name,
    sizeBytes,
    consumed,
    get isUsedUp() {
      return isUsedUp
    },
    drain: () => void stream.resume(),
    async *open() {
      isUsedUp = true
      let kept: Buffer[] = []
      let size = 0
      let arrived = 0
      // The form's parser waits for the end of a part even if it is destroyed.
      for await (const piece of stream.iterator({ destroyOnReturn: false })) {
        kept.push(piece)
        size += piece.length
        arrived += piece.length
        // The rest need not be awaited. The converter would say the same, and the client try again.
        if (sizeBytes !== undefined && arrived > sizeBytes) {
          return lost(wrongSize(sizeBytes, `at least ${arrived.toLocaleString('en')}`))
        }
        if (size < chunkBytes) continue
        yield Buffer.concat(kept)
        kept = []
        size = 0
      }
      if (sizeBytes !== undefined && arrived < sizeBytes) {
        return lost(wrongSize(sizeBytes, `only ${arrived.toLocaleString('en')}`))
      }
      if (size > 0) yield Buffer.concat(kept)
    },
  }
}

const wrongSize = (sizeBytes: number, arrived: string) =>
  new HeraldError(
    'HERALD_BAD_OPTION',
    `The field "size" is ${sizeBytes.toLocaleString('en')}, but ${arrived} bytes of the file arrived.`,
    { remedy: 'Send the whole file with its size, or leave the field out.' },
  )
