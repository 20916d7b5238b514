import { readFile, writeFile } from 'node:fs/promises'
import { pngChunk } from './png.js'

/** The default of every program. */
const usual = 72
const bytesOfJfif = 18

/** Dots per inch to keep; undefined for the default. */
export function keptDensity(density: number | undefined): number | undefined {
  return density && density > 1 && density < 65_536 && density !== usual ? density : undefined
}

/**
 * Writes the dots per inch into a JPEG or PNG: sharp would add an EXIF block for them. Leaves a
 * file as it is if it would have more than `maxBytes`.
 */
export async function writeDensity(
  path: string,
  format: string,
  density: number,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<void> {
  if (format !== 'jpeg' && format !== 'png') return
  const file = await readFile(path)
  const changed = format === 'jpeg' ? withJfif(file, density) : withPhys(file, density)
  if (changed.length <= maxBytes) await writeFile(path, changed)
}

/** The segment follows the start of the image (JFIF 1.02). */
function withJfif(file: Buffer, density: number): Buffer {
  const jfif = Buffer.alloc(bytesOfJfif)
  Buffer.from('\xff\xe0\0\x10JFIF\0\x01\x02\x01', 'latin1').copy(jfif)
  jfif.writeUInt16BE(Math.round(density), 12)
  jfif.writeUInt16BE(Math.round(density), 14)
  const hasOne = file.toString('latin1', 6, 10) === 'JFIF'
  const rest = file.subarray(hasOne ? 4 + file.readUInt16BE(4) : 2)
  return Buffer.concat([file.subarray(0, 2), jfif, rest])
}

/** In dots per metre (PNG 3rd edition, §11.3.4.3), before the pixels. */
function withPhys(file: Buffer, density: number): Buffer {
  const body = Buffer.alloc(9)
  const perMetre = Math.round(density / 0.0254)
  body.writeUInt32BE(perMetre, 0)
  body.writeUInt32BE(perMetre, 4)
  body.writeUInt8(1, 8)
  const parts = [file.subarray(0, 33), pngChunk('pHYs', body)]
  let at = 33
  while (file.toString('latin1', at + 4, at + 8) !== 'IDAT') {
    const end = at + file.readUInt32BE(at) + 12
    if (file.toString('latin1', at + 4, at + 8) !== 'pHYs') parts.push(file.subarray(at, end))
    at = end
  }
  return Buffer.concat([...parts, file.subarray(at)])
}
