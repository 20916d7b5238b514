import { createReadStream } from 'node:fs'
import { HeraldError } from '@herald/proto/errors'
import { displayPath } from '@herald/runtime/terminal-text'

/** The bytes of a file. Rejects at their end if the file no longer has that size: a worker would refuse it. */
export async function* readWhole(path: string, sizeBytes: number): AsyncGenerator<Buffer> {
  let readBytes = 0
  for await (const chunk of createReadStream(path)) {
    readBytes += chunk.length
    yield chunk
  }
  if (readBytes === sizeBytes) return
  const [before, now] = [sizeBytes, readBytes].map((bytes) => bytes.toLocaleString('en'))
  throw new HeraldError(
    'HERALD_DAMAGED_TRANSFER',
    `${displayPath(path)} changed while it was read: it had ${before} bytes, and then ${now}.`,
    { remedy: 'Submit it again when it is complete.' },
  )
}
