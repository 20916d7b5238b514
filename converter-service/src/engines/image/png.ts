import { readFile } from 'node:fs/promises'
import { deflateSync } from 'node:zlib'
import {
  type Curve,
  colourProfile,
  coloursOfCicp,
  type Primaries,
  primariesOf,
} from './colour-profile.js'
import { readHead } from './read-head.js'
import { sharp } from './sharp.js'

/** The chunks that define the colours precede the pixels and are small. */
const searchedBytes = 256 * 1024
/** The signature (8 bytes) and IHDR (25). */
const afterHeader = 33
const colourChunks = new Set(['cICP', 'iCCP', 'sRGB', 'gAMA', 'cHRM'])

const srgb = primariesOf([0.64, 0.33], [0.3, 0.6], [0.15, 0.06], [0.3127, 0.329])
/** gAMA of sRGB as it is written everywhere; its real curve is not a power. */
const usualGamma = 1 / 2.2

/**
 * The PNG with an ICC profile in place of cICP, or of gAMA and cHRM, which libvips ignores.
 * Undefined if the file is sRGB or has a profile that takes precedence (PNG 3rd edition, §4.3).
 */
export async function pngWithProfile(path: string): Promise<Buffer | undefined> {
  const head = await readHead(path, searchedBytes)
  const chunks = new Map(
    [...chunksOf(head)].map(({ type, at, length }) => [
      type,
      head.subarray(at + 8, at + 8 + length),
    ]),
  )
  const meaning = meaningOf(chunks)
  if (!meaning) return undefined
  // Bit 2 of the colour type: RGB or a palette of RGB.
  const isGrey = ((head[25] ?? 0) & 2) === 0
  // sharp applies no profile to grey of 16 bits.
  const isDeepGrey = isGrey && head[24] === 16
  const file = await (isDeepGrey ? asRgb(path) : readFile(path))
  const profile = colourProfile(meaning.primaries, meaning.curve, isGrey && !isDeepGrey)
  const parts = [file.subarray(0, afterHeader), iccChunk(profile)]
  if (isDeepGrey) return Buffer.concat([...parts, file.subarray(afterHeader)])
  let copied = afterHeader
  for (const { type, at, length } of chunksOf(head)) {
    if (!colourChunks.has(type)) continue
    parts.push(file.subarray(copied, at))
    copied = at + length + 12
  }
  return Buffer.concat([...parts, file.subarray(copied)])
}

async function asRgb(path: string): Promise<Buffer> {
  const picture = sharp(path, { failOn: 'error' }).toColourspace('rgb16')
  const { exif, xmp } = await sharp(path).metadata()
  if (exif) picture.keepExif()
  if (xmp) picture.keepXmp()
  return picture.png({ compressionLevel: 0 }).toBuffer()
}

type Meaning = { readonly primaries: Primaries; readonly curve: Curve } | undefined

function meaningOf(chunks: ReadonlyMap<string, Buffer>): Meaning {
  const cicp = chunks.get('cICP')
  if (cicp && cicp.length >= 4) {
    const [primaries = 2, transfer = 2] = cicp
    return coloursOfCicp({ primaries, transfer }, 'PNG')
  }
  const gama = chunks.get('gAMA')
  if (chunks.has('iCCP') || chunks.has('sRGB') || !gama || gama.length < 4) return undefined
  const gamma = gama.readUInt32BE() / 100_000
  if (gamma < 0.1 || gamma > 5) return undefined
  const primaries = chromaticities(chunks.get('cHRM')) ?? srgb
  if (Math.abs(gamma - usualGamma) < 0.01 && primaries === srgb) return undefined
  return { primaries, curve: 1 / gamma }
}

/** Undefined if there are none, or they are those of sRGB. */
function chromaticities(chunk: Buffer | undefined): Primaries | undefined {
  if (!chunk || chunk.length < 32) return undefined
  const point = (at: number) =>
    [chunk.readUInt32BE(at) / 100_000, chunk.readUInt32BE(at + 4) / 100_000] as const
  const primaries = primariesOf(point(8), point(16), point(24), point(0))
  const isSound = Object.values(primaries).every(([x, y]) => x > 0 && y > 0.01 && x + y <= 1.01)
  return isSound && !isNear(primaries, srgb) ? primaries : undefined
}

function isNear(one: Primaries, other: Primaries): boolean {
  return (['red', 'green', 'blue', 'white'] as const).every((name) =>
    one[name].every((value, at) => Math.abs(value - (other[name][at] ?? 0)) < 0.005),
  )
}

/** The frames of a PNG: more than one if it is animated (PNG 3rd edition, §11.3.6.1). */
export async function countPngFrames(path: string): Promise<number> {
  const head = await readHead(path, searchedBytes)
  for (const { type, at } of chunksOf(head)) {
    if (type === 'acTL') return Math.max(1, head.readUInt32BE(at + 8))
  }
  return 1
}

/** The chunks before the pixels that are completely in `head`. */
function* chunksOf(head: Buffer): Iterable<{ type: string; at: number; length: number }> {
  for (let at = 8; at + 12 <= head.length; ) {
    const length = head.readUInt32BE(at)
    const type = head.toString('latin1', at + 4, at + 8)
    if (type === 'IDAT' || at + length + 12 > head.length) return
    yield { type, at, length }
    at += length + 12
  }
}

/** Length, type, body, checksum (PNG 3rd edition, §5.3). */
export function pngChunk(type: string, body: Buffer): Buffer {
  const bytes = Buffer.alloc(body.length + 12)
  bytes.writeUInt32BE(body.length, 0)
  bytes.write(type, 4, 'latin1')
  body.copy(bytes, 8)
  bytes.writeUInt32BE(pngChecksum(bytes.subarray(4, body.length + 8)), body.length + 8)
  return bytes
}

/** A PNG chunk with a colour profile. */
export function iccChunk(icc: Buffer): Buffer {
  return pngChunk('iCCP', Buffer.concat([Buffer.from('icc\0\0', 'latin1'), deflateSync(icc)]))
}

/** CRC-32 as PNG uses it (PNG 3rd edition, annex D). `zlib.crc32` is not in every Node 20. */
export function pngChecksum(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}
