import { readFile } from 'node:fs/promises'
import { sharp } from '../image/sharp.js'
import type { PdfPicture } from './pdf-writer.js'

/** PNG colour types that carry transparency: grey with alpha, and colour with alpha. */
const withAlpha = new Set([4, 6])

/**
 * A PNG as a PDF stores it: the same compressed rows, as PDF has PNG's filters (ISO 32000-1,
 * 7.4.4.4). Transparency is a picture of its own. Throws on palettes and interlaced rows.
 */
export async function pngPicture(path: string): Promise<PdfPicture> {
  const bytes = await readFile(path)
  if (!withAlpha.has(bytes[25] ?? 0)) return opaque(bytes)
  const colours = await sharp(bytes, { limitInputPixels: false }).removeAlpha().png().toBuffer()
  const alpha = await sharp(bytes, { limitInputPixels: false })
    .extractChannel('alpha')
    .toColourspace('b-w')
    .png()
    .toBuffer()
  return { ...opaque(colours), mask: opaque(alpha) }
}

function opaque(bytes: Buffer): PdfPicture {
  const width = bytes.readUInt32BE(16)
  const height = bytes.readUInt32BE(20)
  const [bits = 8, type = 2, , , interlaced] = bytes.subarray(24, 29)
  if ((type !== 0 && type !== 2) || interlaced) throw new Error('not a plain PNG')
  const [space, channels] = type === 0 ? ['DeviceGray', 1] : ['DeviceRGB', 3]
  return {
    width,
    height,
    entries: `/ColorSpace/${space}/BitsPerComponent ${bits}/Filter/FlateDecode/DecodeParms<</Predictor 15/Colors ${channels}/BitsPerComponent ${bits}/Columns ${width}>>`,
    data: Buffer.concat(rows(bytes)),
  }
}

/** The data of the IDAT chunks. */
function rows(bytes: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    const name = bytes.toString('latin1', at + 4, at + 8)
    if (name === 'IDAT') found.push(bytes.subarray(at + 8, at + 8 + length))
    at += 12 + length
  }
  return found
}

const adobe = 'Adobe'

/**
 * The JPEG without metadata: EXIF, XMP, IPTC, profiles, comments, thumbnails, and what
 * phones append after the end (ITU-T T.81, annex B). Undefined if its structure is invalid.
 */
export function bareJpeg(bytes: Buffer): Buffer | undefined {
  const kept: Buffer[] = [bytes.subarray(0, 2)]
  let at = 2
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return undefined
    const marker = bytes[at + 1] ?? 0
    if (marker === 0xff) {
      at++
      continue
    }
    if (marker === 0xd9) break
    const end = at + 2 + bytes.readUInt16BE(at + 2)
    if (end > bytes.length) return undefined
    const isScan = marker === 0xda
    const next = isScan ? endOfScan(bytes, end) : end
    if (isNeeded(bytes, at, marker)) kept.push(bytes.subarray(at, next))
    at = next
  }
  if (bytes[at] !== 0xff || bytes[at + 1] !== 0xd9) return undefined
  return Buffer.concat([...kept, bytes.subarray(at, at + 2)])
}

/** Of the application segments only Adobe's, which states how the colours are coded. */
function isNeeded(bytes: Buffer, at: number, marker: number): boolean {
  if (marker === 0xfe) return false
  if (marker < 0xe0 || marker > 0xef) return true
  return marker === 0xee && bytes.toString('latin1', at + 4, at + 4 + adobe.length) === adobe
}

/** The offset of the next marker: within a scan 0xff precedes only a zero or a restart. */
function endOfScan(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1] ?? 0
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at
  }
  return bytes.length
}
