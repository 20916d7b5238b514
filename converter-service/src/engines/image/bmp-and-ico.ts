import { readFile } from 'node:fs/promises'
import { formatNamed } from '../../formats.js'
import { type DibHeader, readDibHeader } from './dib.js'
import { readDibPixels, rowBytes } from './dib-pixels.js'
import type { Picture } from './picture.js'
import { type Pixels, sharpOf } from './pixels.js'
import { damaged, orCutOff, refuseMissingPage } from './refusals.js'
import { sharp } from './sharp.js'

/** The file header of a BMP: `BM`, sizes, and at byte 10 the offset of the pixels. */
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

/** A directory entry of an icon file. */
interface Entry {
  readonly pixels: number
  readonly bits: number
  readonly bytes: Buffer
}

/** Opens an icon file, which libvips cannot read; without `page`, its largest picture. */
export async function openIco(path: string, page?: number): Promise<Picture> {
  const file = await readFile(path)
  const entries = orCutOff('ICO', () => readDirectory(file))
  refuseMissingPage(page, entries.length)
  const { bytes } = entries[page ?? largest(entries)] as Entry
  const isPng = bytes.toString('latin1', 1, 4) === 'PNG'
  const { metadata, width, height, read } = isPng ? await openPng(bytes) : openDib(bytes)
  return {
    format: formatNamed('ico'),
    metadata,
    width,
    height,
    pages: entries.length,
    frames: entries.length,
    scalable: false,
    read,
  }
}

type Opened = Pick<Picture, 'metadata' | 'width' | 'height' | 'read'>

async function openPng(bytes: Buffer): Promise<Opened> {
  const metadata = await sharp(bytes, { limitInputPixels: false }).metadata()
  const { width, height } = metadata
  const read: Picture['read'] = async (options) => sharp(bytes, { failOn: 'error', ...options })
  return { metadata, width, height, read }
}

function openDib(bytes: Buffer): Opened {
  const header = orCutOff('ICO', () => {
    const stated = readDibHeader(bytes, 0)
    // The height includes the mask, which follows the picture. 32 bits include alpha.
    const masks =
      stated.bits === 32 ? ([0xff0000, 0xff00, 0xff, 0xff000000] as const) : stated.masks
    return { ...stated, masks, height: stated.height / 2 }
  })
  const { width, height } = header
  if (!Number.isInteger(height)) throw damaged('has a width or height of zero', 'ICO')
  return {
    metadata: { hasProfile: false },
    width,
    height,
    read: (options) =>
      sharpOf(
        orCutOff('ICO', () => withAlpha(bytes, header)),
        options,
      ),
  }
}

function readDirectory(file: Buffer): Entry[] {
  const count = file.readUInt16LE(4)
  if (count === 0) throw damaged('holds no picture', 'ICO')
  return Array.from({ length: count }, (_, index) => {
    const at = 6 + index * 16
    // One byte each; 0 means 256.
    const width = file.readUInt8(at) || 256
    const height = file.readUInt8(at + 1) || 256
    const from = file.readUInt32LE(at + 12)
    return {
      pixels: width * height,
      bits: file.readUInt16LE(at + 6),
      bytes: file.subarray(from, from + file.readUInt32LE(at + 8)),
    }
  })
}

function largest(entries: readonly Entry[]): number {
  let best = 0
  for (const [index, { pixels, bits }] of entries.entries()) {
    const other = entries[best] as Entry
    if (pixels > other.pixels || (pixels === other.pixels && bits > other.bits)) best = index
  }
  return best
}

/** The picture with its own alpha, or with that of the mask that follows it. */
function withAlpha(bytes: Buffer, header: DibHeader): Pixels {
  const { width, height, bits, end } = header
  const picture = readDibPixels(bytes, header, end)
  const { channels, data } = picture
  if (channels === 4 && data.some((value, at) => at % 4 === 3 && value > 0)) return picture
  const maskAt = end + rowBytes(width, bits) * height
  const stride = rowBytes(width, 1)
  const masked = new Uint8Array(width * height * 4)
  for (let y = 0; y < height; y++) {
    const row = maskAt + stride * (height - 1 - y)
    for (let x = 0; x < width; x++) {
      const to = (y * width + x) * 4
      const from = (y * width + x) * channels
      masked.set(data.subarray(from, from + 3), to)
      // Without a mask all pixels are opaque.
      const hidden = ((bytes[row + (x >> 3)] ?? 0) >> (7 - (x & 7))) & 1
      masked[to + 3] = hidden ? 0 : 255
    }
  }
  return { width, height, channels: 4, data: masked }
}
