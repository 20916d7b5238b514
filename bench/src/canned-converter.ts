import { createHash } from 'node:crypto'
import type { ConverterClient } from '@herald/client/converter-client'

/** The result of every conversion, so that only what follows a conversion takes time. */
export const renditionBytes = Buffer.alloc(16 * 1024, 'herald')

const sha256 = createHash('sha256').update(renditionBytes).digest('hex')

/** A converter that takes no time. Its rendition is written and synced like a real one. */
export const cannedConverter: ConverterClient = {
  async convert(_upload, { conversionId, receive }) {
    const sink = await receive({
      index: 0,
      format: 'webp',
      mediaType: 'image/webp',
      extension: 'webp',
      width: 720,
      height: 540,
      pages: 1,
      sizeBytes: renditionBytes.length,
    })
    await sink.write(renditionBytes)
    await sink.complete({
      index: 0,
      sizeBytes: renditionBytes.length,
      sha256,
      encoder: 'canned',
      conversionMs: 100,
    })
    return {
      conversionId,
      input: {
        format: 'jpeg',
        mediaType: 'image/jpeg',
        sizeBytes: 1_230_456,
        sha256: 'a0'.repeat(32),
        width: 4032,
        height: 3024,
        pages: 1,
      },
      stripped: ['exif', 'gps', 'icc'],
      queueMs: 1,
      conversionMs: 100,
      versions: {},
      preview: null,
      estimatedMs: 100,
      cpuMs: 100,
      peakMemoryBytes: 0,
    }
  },
  formats: () => Promise.reject(new Error('not used by a bench')),
  estimate: () => Promise.reject(new Error('not used by a bench')),
  close: () => {},
}
