import type { ReceivedRenditionHeader } from '@herald/proto/converter'
import { HeraldError } from '@herald/proto/errors'
import type { RequestHandler } from 'express'
import { v7 as uuidv7 } from 'uuid'
import { withTimeLimit } from '../../time-limit.js'
import { newTraceparent } from '../../trace.js'
import { fileNameOf, readFields, renditionOf } from '../form-fields.js'
import { readForm } from '../read-form.js'
import { streamUpload } from '../upload-stream.js'
import { callerOf, requireOwner } from '../visitor.js'
import type { Services } from './services.js'

/** The page sends a reduced copy. */
const maxCopyBytes = 24 * 1024 ** 2
const maxResultBytes = 12 * 1024 ** 2
const previewsAtOnce = 4
const answerWithinMs = 20_000

/** Formats that browsers show; not SVG or HTML, which can contain scripts. */
const drawn = ['image/jpeg', 'image/png', 'image/webp', 'image/avif', 'image/gif']

/**
 * `POST /preview`: converts a reduced copy; its size is in `Herald-Size`. A browser's next preview
 * cancels the one before. Nothing is stored or announced.
 */
export function previewRoute({ converter, config, limits, stopping }: Services): RequestHandler {
  const current = new Map<string, AbortController>()
  return async (request, response) => {
    const owner = requireOwner(request, response, config)
    current.get(owner)?.abort()
    const superseded = new AbortController()
    if (current.size >= previewsAtOnce && !current.has(owner)) {
      throw new HeraldError('HERALD_BUSY', 'Too many previews at once.', { retryAfterMs: 1000 })
    }
    const leave = limits.enter(callerOf(request))
    current.set(owner, superseded)
    response.once('close', () => superseded.abort())
    try {
      await readForm(request, {
        maxFileBytes: maxCopyBytes,
        maxFiles: 1,
        async onFile(part, fields) {
          const form = readFields(fields)
          const lost = new AbortController()
          const file = { name: fileNameOf(form, part.name), sizeBytes: form.size }
          const upload = streamUpload(part.stream, file, (error) => lost.abort(error))
          const result = collect()
          try {
            const signals = [superseded.signal, stopping, lost.signal]
            const { preview } = await withTimeLimit(
              { timeoutMs: answerWithinMs, signals, reason: tookTooLong() },
              (signal) =>
                converter.convert(upload, {
                  conversionId: uuidv7(),
                  traceparent: newTraceparent(),
                  renditions: [{ ...renditionOf(form), everyPage: false }],
                  signal,
                  receive: result.receive,
                }),
            )
            const { header } = result
            response.set({
              'Herald-Size': String(header?.sizeBytes ?? 0),
              'Herald-Pixels': `${header?.width ?? 0}x${header?.height ?? 0}`,
            })
            if (header && drawn.includes(header.mediaType)) {
              response.type(header.mediaType).send(Buffer.concat(result.chunks))
            } else if (preview && drawn.includes(preview.mediaType)) {
              response.type(preview.mediaType).send(preview.data)
            } else response.status(204).end()
          } finally {
            upload.drain()
          }
        },
      })
    } finally {
      leave()
      if (current.get(owner) === superseded) current.delete(owner)
    }
  }
}

const tookTooLong = () =>
  new HeraldError('HERALD_BUSY', 'The preview took too long.', { remedy: 'Try again later.' })

/** Keeps a rendition in memory, up to the size of a preview. */
function collect() {
  const result = {
    chunks: [] as Uint8Array[],
    header: undefined as ReceivedRenditionHeader | undefined,
    async receive(header: ReceivedRenditionHeader) {
      if (header.sizeBytes > maxResultBytes) {
        throw new HeraldError('HERALD_TOO_MUCH_OUTPUT', 'The preview would be too large.')
      }
      result.header = header
      result.chunks = []
      return {
        write: async (chunk: Uint8Array) => void result.chunks.push(chunk),
        complete: async () => {},
        discard: async () => {},
      }
    },
  }
  return result
}
