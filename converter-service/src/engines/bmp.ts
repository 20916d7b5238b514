import { readFile } from 'node:fs/promises'
import { formatNamed } from '../formats.js'
import { damaged, readDibHeader } from './dib.js'
import { readDibPixels } from './dib-pixels.js'
import type { Picture } from './image-source.js'
import { refuseMissingPage } from './pages.js'
import { sharpOf } from './pixels.js'

/** The file header of a BMP: `BM`, sizes, and at byte 10 where the pixels begin. */
const fileHeaderBytes = 14

/** Opens a BMP, which libvips cannot read. */
export async function openBmp(path: string, page?: number): Promise<Picture> {
  refuseMissingPage(page, 1)
  const bytes = await readFile(path)
  const header = orCutOff('BMP', () => readDibHeader(bytes, fileHeaderBytes))
  const { width, height, icc } = header
  return {
    format: formatNamed('bmp'),
    metadata: { hasProfile: icc !== undefined, ...(icc ? { icc } : {}) },
    width,
    height,
    pages: 1,
    frames: 1,
    scalable: false,
    read(options) {
      const pixels = orCutOff('BMP', () => readDibPixels(bytes, header, bytes.readUInt32LE(10)))
      return sharpOf(icc ? { ...pixels, icc } : pixels, options)
    },
  }
}

/** What reads past the end of the bytes was promised more of them. */
export function orCutOff<T>(format: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError) throw damaged('is cut off: its end is missing', format)
    throw error
  }
}
