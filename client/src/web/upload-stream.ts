import type { Readable } from 'node:stream'
import { HeraldError } from '@herald/proto/errors'
import { chunkBytesOf, type Upload } from '../convert-call.js'

export interface StreamedUpload extends Upload {
  /** Resolves when the caller has sent all of it, whatever became of it here. */
  readonly consumed: Promise<void>
  /** Takes what the caller still sends and drops it. */
  drain(): void
}

/**
 * An upload that comes once, as it is read from the caller: nothing of it is held but a chunk.
 * `lost` is called with the reason when the caller breaks off, and when the converter asks for it a
 * second time.
 */
export function streamUpload(
  stream: Readable,
  { name, sizeBytes }: { name: string; sizeBytes: number | undefined },
  lost: (error: HeraldError) => void,
): StreamedUpload {
  const chunkBytes = chunkBytesOf(sizeBytes)
  let begun = false
  const consumed = new Promise<void>((resolve, reject) => {
    stream.once('end', resolve)
    stream.once('close', resolve)
    stream.once('error', reject)
  })
  consumed.catch(() => {})
  // Else the converter's client would try again, and report the converter as lost.
  stream.once('error', (error) => {
    if (error instanceof HeraldError) lost(error)
  })
  return {
    name,
    sizeBytes,
    consumed,
    drain: () => void stream.resume(),
    async *open() {
      if (begun) {
        lost(
          new HeraldError('HERALD_UNREACHABLE', 'The converter was lost during the upload.', {
            remedy: 'Send the file again.',
          }),
        )
        return
      }
      begun = true
      let kept: Buffer[] = []
      let size = 0
      // A destroyed part would leave the form's parser waiting for its end.
      for await (const piece of stream.iterator({ destroyOnReturn: false })) {
        kept.push(piece)
        size += piece.length
        if (size < chunkBytes) continue
        yield Buffer.concat(kept)
        kept = []
        size = 0
      }
      if (size > 0) yield Buffer.concat(kept)
    },
  }
}
