import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, statSync } from 'node:fs'
import type { RenditionPlan, RenditionResult } from './engines/engine.js'
import { formatNamed } from './formats.js'
import type { Responder } from './grpc/responder.js'
import { chunkBytes } from './limits.js'

/** Smaller files are read synchronously: measured, that is half a millisecond faster. */
const maxSyncReadBytes = 256 * 1024

/** Sends a finished rendition: header, chunks, summary. */
export async function sendRendition(
  responder: Responder,
  { index, format, page }: RenditionPlan,
  { width, height, pages, quality, effort, encoder }: RenditionResult,
  path: string,
  conversionMs: number,
): Promise<void> {
  const { mediaType, extensions } = formatNamed(format)
  const { size: sizeBytes } = statSync(path)
  await responder.send({
    header: {
      index,
      format,
      mediaType,
      extension: extensions[0] ?? format,
      width,
      height,
      pages,
      sizeBytes,
      ...(page === undefined ? {} : { page }),
    },
  })
  const hash = createHash('sha256')
  let sentBytes = 0
  for await (const chunk of chunksOf(path, sizeBytes)) {
    hash.update(chunk)
    sentBytes += chunk.length
    await responder.send({ chunk })
  }
  if (sentBytes !== sizeBytes) throw new Error('a rendition changed while it was sent')
  await responder.send({
    rendition: {
      index,
      sizeBytes,
      sha256: hash.digest('hex'),
      conversionMs,
      encoder,
      ...(quality === undefined ? {} : { quality }),
      ...(effort === undefined ? {} : { effort }),
      ...(page === undefined ? {} : { page }),
    },
  })
}

/** Each chunk has its own memory, which gRPC holds until it is sent. */
async function* chunksOf(path: string, sizeBytes: number): AsyncIterable<Buffer> {
  if (sizeBytes > maxSyncReadBytes) {
    yield* createReadStream(path, { highWaterMark: chunkBytes })
    return
  }
  const bytes = readFileSync(path)
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
}
