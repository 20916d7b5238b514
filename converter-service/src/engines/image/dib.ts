import { HeraldError } from '@herald/proto/errors'
import { damaged } from './refusals.js'

/** The header of a Windows bitmap: `BITMAPCOREHEADER` to `BITMAPV5HEADER`. */
export interface DibHeader {
  readonly width: number
  readonly height: number
  /** The first row in the file is the top row. */
  readonly topDown: boolean
  readonly bits: number
  readonly compression: number
  /** Red, green, blue, alpha: which bits of a pixel. */
  readonly masks: readonly [number, number, number, number]
  /** Offset, number of entries, and bytes of each. */
  readonly palette: { readonly at: number; readonly entries: number; readonly size: 3 | 4 }
  /** Offset of the end of the header, palette and masks included. */
  readonly end: number
  readonly icc?: Buffer
}

const headerSizes = new Set([12, 16, 40, 52, 56, 64, 108, 124])
/** Values of `compression`; `rgb` is uncompressed. */
export const rgb = 0
const rle8 = 1
const rle4 = 2
const bitFields = 3
const alphaBitFields = 6
/** `MBED`: the profile is in the file itself. */
const embeddedProfile = 0x4d424544

/** Whether a header of that size exists; text that begins with BM has no such size. */
export function isDibHeaderSize(size: number): boolean {
  return headerSizes.has(size)
}

/** Reads the header that begins at `at`. Throws RangeError if the bytes end too soon. */
export function readDibHeader(bytes: Buffer, at: number): DibHeader {
  const size = bytes.readUInt32LE(at)
  if (!isDibHeaderSize(size)) throw damaged('has an unknown kind of header')
  const core = size === 12
  const width = core ? bytes.readUInt16LE(at + 4) : bytes.readInt32LE(at + 4)
  const tall = core ? bytes.readUInt16LE(at + 6) : bytes.readInt32LE(at + 8)
  const bits = bytes.readUInt16LE(at + (core ? 10 : 14))
  const compression = size < 40 ? rgb : bytes.readUInt32LE(at + 16)
  if (width <= 0 || tall === 0) throw damaged('has a width or height of zero')
  if (!isReadable(bits, compression, size)) {
    throw new HeraldError(
      'HERALD_UNSUPPORTED_FILE',
      `This BMP file uses an encoding that is not supported (${bits} bits, compression ${compression}).`,
      { remedy: 'Save it as an uncompressed BMP, or as PNG.' },
    )
  }
  const hasMasks = compression === bitFields || compression === alphaBitFields
  // The masks follow a header of 40 bytes; longer headers contain them at the same offset.
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
