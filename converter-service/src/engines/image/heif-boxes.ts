import { readFile } from 'node:fs/promises'
import type { Cicp } from './colour-profile.js'
import { readHead } from './read-head.js'

/** The description of the pictures precedes their data. */
const searchedBytes = 256 * 1024

interface Box {
  readonly type: string
  readonly body: Buffer
}

/**
 * The code points of the main picture's colours (ISO/IEC 23008-12, §6.5.5); undefined if the file
 * gives none, or the description is longer than what is searched.
 */
export async function heifColours(path: string): Promise<Cicp | undefined> {
  try {
    return findColours(await readHead(path, searchedBytes))
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function findColours(head: Buffer): Cicp | undefined {
  const meta = child(boxes(head), 'meta')
  if (!meta) return undefined
  const inMeta = [...boxes(meta.subarray(4))]
  const properties = [...boxes(child(inMeta, 'iprp') ?? Buffer.alloc(0))]
  const all = [...boxes(child(properties, 'ipco') ?? Buffer.alloc(0))]
  const main = child(inMeta, 'pitm')
  const associations = child(properties, 'ipma')
  if (!main || !associations) return undefined
  const id = main[0] === 0 ? main.readUInt16BE(4) : main.readUInt32BE(4)
  for (const index of propertiesOf(id, associations)) {
    const { type, body } = all[index - 1] ?? {}
    if (type !== 'colr' || body?.toString('latin1', 0, 4) !== 'nclx') continue
    return { primaries: body.readUInt16BE(4), transfer: body.readUInt16BE(6) }
  }
  return undefined
}

/** The numbers of a picture's properties, from 1 (ISO/IEC 23008-12, §9.3). */
function propertiesOf(id: number, associations: Buffer): number[] {
  const hasLongIds = associations[0] !== 0
  const hasLongNumbers = ((associations[3] ?? 0) & 1) === 1
  let at = 4
  const next = (size: number) => {
    at += size
    return associations.readUIntBE(at - size, size)
  }
  for (let left = next(4); left > 0; left--) {
    const item = next(hasLongIds ? 4 : 2)
    // The highest bit marks properties that a reader must support.
    const numbers = Array.from({ length: next(1) }, () =>
      hasLongNumbers ? next(2) & 0x7fff : next(1) & 0x7f,
    )
    if (item === id) return numbers
  }
  return []
}

const child = (among: Iterable<Box>, wanted: string) =>
  [...among].find(({ type }) => type === wanted)?.body

function* boxes(bytes: Buffer): Iterable<Box> {
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at)
    // Boxes with a size of 64 bits or up to the end contain data and come last.
    if (size < 8) return
    yield {
      type: bytes.toString('latin1', at + 4, at + 8),
      body: bytes.subarray(at + 8, at + size),
    }
    at += size
  }
}

/** An animated AVIF, as the still picture that it also contains. */
interface AvifSequence {
  readonly still: Buffer
  readonly frames: number
}

/**
 * libvips does not open files of the brand `avis`, though it can read the still picture in them; it
 * cannot read the frames. Undefined for every other file.
 */
export async function avifSequence(path: string): Promise<AvifSequence | undefined> {
  const head = await readHead(path, 12)
  if (head.toString('latin1', 4) !== 'ftypavis') return undefined
  const still = await readFile(path)
  // ISO/IEC 14496-12 §8.7.3: version and flags, the size of all samples or 0, their number.
  const sizes = still.indexOf('stsz', 0, 'latin1')
  const frames = sizes > 0 && sizes + 16 <= still.length ? still.readUInt32BE(sizes + 12) : 1
  still.write('avif', 8, 'latin1')
  return { still, frames }
}
