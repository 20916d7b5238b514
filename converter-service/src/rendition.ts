import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Made, RenditionPlan } from './engines/engine.js'
import { formatNamed } from './formats.js'
import { chunkBytes } from './limits.js'
import type { Responder } from './responder.js'

/** Sends a finished rendition: header, chunks, summary. */
export async function sendRendition(
  responder: Responder,
  { index, format, page }: RenditionPlan,
  { width, height, pages, quality, effort, encoder }: Made,
  path: string,
  conversionMs: number,
): Promise<void> {
  const { mediaType, extensions } = formatNamed(format)
  const file = await open(path, 'r')
  try {
    const { size: sizeBytes } = await file.stat()
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
    for (let sent = 0; sent < sizeBytes; ) {
      // Each chunk has its own memory: gRPC holds it until it is sent.
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, sizeBytes - sent))
      const { bytesRead } = await file.read(chunk, 0, chunk.length, sent)
      if (bytesRead === 0) throw new Error('a rendition became shorter while it was sent')
      sent += bytesRead
      hash.update(chunk.subarray(0, bytesRead))
      await responder.send({ chunk: chunk.subarray(0, bytesRead) })
    }
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
  } finally {
    await file.close()
  }
}
