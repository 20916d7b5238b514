import { readFile } from 'node:fs/promises'
import type { PdfPicture } from './pdf-writer.js'
import { sharp } from './sharp.js'

/** PNG colour types that carry transparency: grey with alpha, and colour with alpha. */
const withAlpha = new Set([4, 6])

/**
 * A PNG as a PDF holds it: the same compressed rows, for PDF knows PNG's filters (ISO 32000-1,
 * 7.4.4.4). Transparency lies in a picture of its own. Not for palettes or interlaced rows.
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
