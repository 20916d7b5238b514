import { HeraldError } from '@herald/proto/errors'
import type { Pixels } from './pixels.js'

/** What the header of a Windows bitmap says: `BITMAPCOREHEADER` to `BITMAPV5HEADER`. */
export interface DibHeader {
  readonly width: number
  readonly height: number
  /** The first row in the file is the upper one. */
  readonly topDown: boolean
  readonly bits: number
  readonly compression: number
  /** Red, green, blue, alpha: which bits of a pixel. */
  readonly masks: readonly [number, number, number, number]
  /** Where the palette begins, its entries, and the bytes of each. */
  readonly palette: { readonly at: number; readonly entries: number; readonly size: 3 | 4 }
  /** Where the header ends, palette and masks included. */
  readonly end: number
  readonly icc?: Buffer
}

const headerSizes = new Set([12, 16, 40, 52, 56, 64, 108, 124])
const rgb = 0
const rle8 = 1
const rle4 = 2
const bitFields = 3
const alphaBitFields = 6
/** `MBED`: the profile stands in the file itself. */
const embeddedProfile = 0x4d424544

/** Whether a header of that size is known; a text that begins with BM has none. */
export function isDibHeaderSize(size: number): boolean {
  return headerSizes.has(size)
}

/** Reads the header that begins at `at`. Throws RangeError where the bytes end too soon. */
export function readDibHeader(bytes: Buffer, at: number): DibHeader {
  const size = bytes.readUInt32LE(at)
  if (!isDibHeaderSize(size)) throw damaged('has a header of no known kind')
  const core = size === 12
  const width = core ? bytes.readUInt16LE(at + 4) : bytes.readInt32LE(at + 4)
  const tall = core ? bytes.readUInt16LE(at + 6) : bytes.readInt32LE(at + 8)
  const bits = bytes.readUInt16LE(at + (core ? 10 : 14))
  const compression = size < 40 ? rgb : bytes.readUInt32LE(at + 16)
  if (width <= 0 || tall === 0) throw damaged('says that it has no size')
  if (!isReadable(bits, compression, size)) {
    throw new HeraldError(
      'HERALD_UNSUPPORTED_FILE',
      `This BMP file is coded in a way that cannot be read here (${bits} bits, compression ${compression}).`,
      { remedy: 'Save it as an uncompressed BMP, or as PNG.' },
    )
  }
  const hasMasks = compression === bitFields || compression === alphaBitFields
  // Up to the 40-byte header the masks follow it; later ones hold them at the same place.
  const masksAfter = hasMasks && size === 40 ? (compression === alphaBitFields ? 16 : 12) : 0
  const hasAlphaMask = compression === alphaBitFields || size >= 56
  const mask = (index: number) => bytes.readUInt32LE(at + 40 + index * 4)
  const used = size < 40 ? 0 : bytes.readUInt32LE(at + 32)
  const entries = bits > 8 ? used : Math.min(used || 2 ** bits, 2 ** bits)
  const palette = { at: at + size + masksAfter, entries, size: core ? 3 : 4 } as const
  const icc = size === 124 ? readProfile(bytes, at) : undefined
  return {
    width,
    height: Math.abs(tall),
    topDown: tall < 0,
    bits,
    compression,
    masks: hasMasks
      ? [mask(0), mask(1), mask(2), hasAlphaMask ? mask(3) : 0]
      : bits === 16
        ? [0x7c00, 0x03e0, 0x001f, 0]
        : [0xff0000, 0xff00, 0xff, 0],
    palette,
    end: palette.at + palette.entries * palette.size,
    ...(icc ? { icc } : {}),
  }
}

function isReadable(bits: number, compression: number, size: number): boolean {
  switch (compression) {
    case rgb:
      return [1, 2, 4, 8, 16, 24, 32].includes(bits)
    case rle8:
      return bits === 8
    case rle4:
      return bits === 4
    case bitFields:
    case alphaBitFields:
      // In an OS/2 header of 64 bytes the same number means Huffman.
      return (bits === 16 || bits === 32) && size !== 64
    default:
      return false
  }
}

function readProfile(bytes: Buffer, at: number): Buffer | undefined {
  if (bytes.length < at + 124 || bytes.readUInt32LE(at + 56) !== embeddedProfile) return undefined
  const from = at + bytes.readUInt32LE(at + 112)
  const profile = bytes.subarray(from, from + bytes.readUInt32LE(at + 116))
  return profile.length >= 128 ? profile : undefined
}

/** Decodes the pixels that begin at `at`. Throws RangeError where the bytes end too soon. */
export function readDibPixels(bytes: Buffer, header: DibHeader, at: number): Pixels {
  const { width, height, bits, compression } = header
  if (bits <= 8) {
    const indices =
      compression === rgb ? packedIndices(bytes, header, at) : runLengths(bytes, header, at)
    return { width, height, channels: 3, data: lookUp(indices, bytes, header) }
  }
  return bits === 24 ? readTriples(bytes, header, at) : readMasked(bytes, header, at)
}

/** Bytes of one row in the file: rows begin at multiples of four. */
export function rowBytes(width: number, bits: number): number {
  return Math.ceil((width * bits) / 32) * 4
}

/** Calls `row` for each row, from the upper one on, with where it begins in the file. */
function eachRow(
  bytes: Buffer,
  { width, height, bits, topDown }: DibHeader,
  at: number,
  row: (y: number, from: number) => void,
): void {
  const stride = rowBytes(width, bits)
  // Some programs leave out the padding of the last row.
  if (at + stride * (height - 1) + Math.ceil((width * bits) / 8) > bytes.length) {
    throw new RangeError('the pixels end too soon')
  }
  for (let y = 0; y < height; y++) row(y, at + stride * (topDown ? y : height - 1 - y))
}

function packedIndices(bytes: Buffer, header: DibHeader, at: number): Uint8Array {
  const { width, height, bits } = header
  const indices = new Uint8Array(width * height)
  const perByte = 8 / bits
  eachRow(bytes, header, at, (y, from) => {
    for (let x = 0; x < width; x++) {
      const byte = bytes[from + Math.floor(x / perByte)] as number
      indices[y * width + x] = (byte >> (8 - bits * ((x % perByte) + 1))) & (2 ** bits - 1)
    }
  })
  return indices
}

/** RLE4 and RLE8; what they skip stays at the first colour of the palette. */
function runLengths(bytes: Buffer, header: DibHeader, start: number): Uint8Array {
  const { width, height, topDown, bits } = header
  const indices = new Uint8Array(width * height)
  let at = start
  let x = 0
  let y = 0
  const next = () => bytes.readUInt8(at++)
  const put = (index: number) => {
    if (x < width && y < height) indices[(topDown ? y : height - 1 - y) * width + x] = index
    x++
  }
  const nibble = (byte: number, position: number) =>
    bits === 8 ? byte : position % 2 === 0 ? byte >> 4 : byte & 15
  while (y < height) {
    const count = next()
    const value = next()
    if (count > 0) {
      for (let run = 0; run < count; run++) put(nibble(value, run))
    } else if (value === 0) {
      x = 0
      y++
    } else if (value === 1) {
      break
    } else if (value === 2) {
      x += next()
      y += next()
    } else {
      const size = bits === 8 ? value : Math.ceil(value / 2)
      for (let pixel = 0; pixel < value; pixel++) {
        put(nibble(bytes.readUInt8(at + (bits === 8 ? pixel : pixel >> 1)), pixel))
      }
      at += size + (size % 2)
    }
  }
  return indices
}

function lookUp(indices: Uint8Array, bytes: Buffer, { palette }: DibHeader): Uint8Array {
  const colours = new Uint8Array(256 * 3)
  for (let entry = 0; entry < palette.entries; entry++) {
    const from = palette.at + entry * palette.size
    for (let channel = 0; channel < 3; channel++) {
      colours[entry * 3 + channel] = bytes.readUInt8(from + 2 - channel)
    }
  }
  const data = new Uint8Array(indices.length * 3)
  for (let pixel = 0, to = 0; pixel < indices.length; pixel++) {
    const from = (indices[pixel] as number) * 3
    data[to++] = colours[from] as number
    data[to++] = colours[from + 1] as number
    data[to++] = colours[from + 2] as number
  }
  return data
}

function readTriples(bytes: Buffer, header: DibHeader, at: number): Pixels {
  const { width, height } = header
  const data = new Uint8Array(width * height * 3)
  eachRow(bytes, header, at, (y, from) => {
    for (let x = 0, to = y * width * 3; x < width; x++, to += 3) {
      data[to] = bytes[from + x * 3 + 2] as number
      data[to + 1] = bytes[from + x * 3 + 1] as number
      data[to + 2] = bytes[from + x * 3] as number
    }
  })
  return { width, height, channels: 3, data }
}

function readMasked(bytes: Buffer, header: DibHeader, at: number): Pixels {
  const { width, height, bits, masks } = header
  const channels = masks[3] === 0 ? 3 : 4
  const data = new Uint8Array(width * height * channels)
  const scales = masks.slice(0, channels).map(scaleOf)
  eachRow(bytes, header, at, (y, from) => {
    for (let x = 0, to = y * width * channels; x < width; x++) {
      const pixel =
        bits === 16 ? bytes.readUInt16LE(from + x * 2) : bytes.readUInt32LE(from + x * 4)
      for (const scale of scales) data[to++] = scale(pixel)
    }
  })
  return { width, height, channels, data }
}

/** From a pixel to 8 bits of the channel under `mask`. */
function scaleOf(mask: number): (pixel: number) => number {
  if (mask === 0) return () => 0
  const shift = 31 - Math.clz32(mask & -mask)
  const most = mask >>> shift
  return (pixel) => Math.round((((pixel & mask) >>> shift) * 255) / most)
}

export function damaged(what: string, format = 'BMP'): HeraldError {
  return new HeraldError('HERALD_CORRUPT_FILE', `This ${format} file ${what}.`, {
    remedy: 'Check that it opens in an image viewer; save or download it again.',
  })
}
