import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { findFormat } from '#src/formats'
import { bmpFile } from './bmp-file.js'
import { svgText, twoHalves } from './pictures.js'

export interface Source {
  readonly fileName: string
  readonly bytes: Buffer
  /** Its left half is red and its right half is blue. */
  readonly showsHalves: boolean
  /** It is a picture of 120 × 80 pixels. */
  readonly isPicture: boolean
}

const fixtures = fileURLToPath(new URL('./fixtures/', import.meta.url))
const [width, height] = [120, 80]

/** Generated, so that no other encoder defines what a format looks like. */
const made: Readonly<Record<string, () => Promise<Buffer>>> = {
  jpeg: () => twoHalves().jpeg().toBuffer(),
  png: () => twoHalves().png().toBuffer(),
  webp: () => twoHalves().webp().toBuffer(),
  avif: () => twoHalves().avif().toBuffer(),
  gif: () => twoHalves().gif().toBuffer(),
  tiff: () => twoHalves().tiff().toBuffer(),
  svg: async () => Buffer.from(svgText),
  bmp: async () => bitmap(),
  ico: async () => icon(await twoHalves().png().toBuffer()),
  pdf: async () => document(),
}

/** One real file of a readable format; throws if there is none, so that every format is tested. */
export async function sourceOf(format: string): Promise<Source> {
  const make = made[format]
  if (make) {
    const bytes = await make()
    return { fileName: `halves.${format}`, bytes, showsHalves: true, isPicture: format !== 'pdf' }
  }
  const names = await readdir(fixtures)
  const fileName = names.find((name) => findFormat(name.split('.')[1] ?? '')?.name === format)
  if (fileName === undefined) throw new Error(`no fixture is ${format}: add one to ${fixtures}`)
  const stored = await readFile(`${fixtures}${fileName}`)
  // PowerPoint's old format is nearly all padding.
  const bytes = fileName.endsWith('.gz') ? gunzipSync(stored) : stored
  const isPicture = format === 'heic'
  return {
    fileName: fileName.replace(/\.gz$/, ''),
    bytes,
    showsHalves: isPicture,
    isPicture,
  }
}

function bitmap(): Buffer {
  const row = Buffer.concat(
    Array.from({ length: width }, (_, x) => Buffer.from(x < width / 2 ? [0, 0, 255] : [255, 0, 0])),
  )
  return bmpFile(width, height, Buffer.concat(Array.from({ length: height }, () => row)))
}

/** ICO with one picture, held as PNG. */
function icon(png: Buffer): Buffer {
  const head = Buffer.alloc(22)
  head.writeUInt16LE(1, 2)
  head.writeUInt16LE(1, 4)
  head.writeUInt8(width, 6)
  head.writeUInt8(height, 7)
  head.writeUInt16LE(1, 10)
  head.writeUInt16LE(32, 12)
  head.writeUInt32LE(png.length, 14)
  head.writeUInt32LE(22, 18)
  return Buffer.concat([head, png])
}

/** PDF of one page with two rectangles. */
function document(): Buffer {
  const drawing = `1 0 0 rg 0 0 60 80 re f 0 0 1 rg 60 0 60 80 re f`
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${width} ${height}] /Contents 4 0 R >>`,
    `<< /Length ${drawing.length} >>\nstream\n${drawing}\nendstream`,
  ]
  let text = '%PDF-1.4\n'
  const places = objects.map((object, index) => {
    const at = text.length
    text += `${index + 1} 0 obj\n${object}\nendobj\n`
    return `${String(at).padStart(10, '0')} 00000 n \n`
  })
  return Buffer.from(
    `${text}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${places.join('')}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF\n`,
  )
}
