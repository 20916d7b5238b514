import { type DibHeader, rgb } from './dib.js'
import type { Pixels } from './pixels.js'

/** Decodes the pixels that begin at `at`. Throws RangeError if the bytes end too soon. */
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

/** Calls `row` for each row from the top, with its offset in the file. */
function eachRow(
  bytes: Buffer,
  { width, height, bits, topDown }: DibHeader,
  at: number,
  row: (y: number, from: number) => void,
): void {
  const stride = rowBytes(width, bits)
  // Some programs omit the padding of the last row.
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
