import { readFile, rm, writeFile } from 'node:fs/promises'
import { HeraldError } from '@herald/proto/errors'
import type { EngineLimits, RenditionPlan, RenditionResult } from '../engine.js'
import { refuseTooManyPages } from './refusals.js'

/**
 * Makes a TIFF of several pages, each of its own size and colours. `makePage` writes one page.
 * The limit on pixels applies to their sum.
 */
export async function makeTiffOfPages(
  pages: number,
  plan: RenditionPlan,
  target: string,
  limits: EngineLimits,
  makePage: (plan: RenditionPlan, target: string) => Promise<RenditionResult>,
): Promise<RenditionResult> {
  refuseTooManyPages(pages, limits)
  const path = `${target}.page`
  const files: Buffer[] = []
  let first: RenditionResult | undefined
  let pixels = 0
  try {
    for (let page = 0; page < pages; page++) {
      const made = await makePage({ ...plan, page }, path)
      first ??= made
      pixels += made.width * made.height
      if (pixels > limits.maxPixels) throw tooManyPixels(limits.maxPixels)
      files.push(await readFile(path))
    }
  } finally {
    await rm(path, { force: true })
  }
  await writeFile(target, joinTiffs(files))
  if (!first) throw new Error('a TIFF without pages')
  return { ...first, pages, kept: [...first.kept, 'pages'] }
}

function tooManyPixels(maxPixels: number): HeraldError {
  return new HeraldError(
    'HERALD_TOO_MANY_PIXELS',
    `The pages together have more pixels than this server's limit of ${maxPixels.toLocaleString('en')}.`,
    { remedy: 'Request a smaller width or height, or one page.' },
  )
}

/** Bytes of a value by its type, from 1 (TIFF 6.0 §2). */
const typeSizes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8]
/** Tags whose values are file offsets: strips, tiles, EXIF and GPS directories. */
const stripOffsets = 273
const tileOffsets = 324
const directories = new Set([34665, 34853])

/**
 * One TIFF of the pages of several, each little-endian and with one directory, as libtiff writes
 * them. Changes the buffers.
 */
export function joinTiffs(files: readonly Buffer[]): Buffer {
  const parts: Buffer[] = []
  let length = 0
  let linkAt = 4
  for (const [index, file] of files.entries()) {
    if (file.toString('latin1', 0, 4) !== 'II*\0') throw new Error('a TIFF of another kind')
    const directory = file.readUInt32LE(4)
    if (index > 0) moveDirectory(file, directory, length)
    parts.push(file)
    if (index > 0) writeAt(parts, linkAt, length + directory)
    linkAt = length + directory + 2 + file.readUInt16LE(directory) * 12
    length += file.length
    // Directories begin at even offsets.
    if (length % 2 === 1) {
      parts.push(Buffer.alloc(1))
      length++
    }
  }
  return Buffer.concat(parts)
}

function writeAt(parts: readonly Buffer[], at: number, value: number): void {
  let start = 0
  for (const part of parts) {
    if (at < start + part.length) {
      part.writeUInt32LE(value, at - start)
      return
    }
    start += part.length
  }
}

/** Adds `by` to every offset in a directory. */
function moveDirectory(file: Buffer, directory: number, by: number): void {
  const entries = file.readUInt16LE(directory)
  for (let index = 0; index < entries; index++) {
    const entry = directory + 2 + index * 12
    const tag = file.readUInt16LE(entry)
    const size = typeSizes[file.readUInt16LE(entry + 2)] ?? 1
    const count = file.readUInt32LE(entry + 4)
    const value = file.readUInt32LE(entry + 8)
    const isOffsets = tag === stripOffsets || tag === tileOffsets
    // A value of at most four bytes is in the entry itself.
    const isElsewhere = size * count > 4
    if (isOffsets && size !== 4) throw new Error('a TIFF with offsets of 16 bits')
    if (directories.has(tag)) moveDirectory(file, value, by)
    if (isOffsets && isElsewhere) {
      for (let each = 0; each < count; each++) {
        const at = value + each * 4
        file.writeUInt32LE(file.readUInt32LE(at) + by, at)
      }
    }
    if (isElsewhere || isOffsets || directories.has(tag)) file.writeUInt32LE(value + by, entry + 8)
  }
}
