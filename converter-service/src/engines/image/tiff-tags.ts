import { type FileHandle, open } from 'node:fs/promises'

/** Tags of a page that libvips does not return, or not correctly (TIFF 6.0 §8, §18). */
export interface TiffTags {
  /** 2 is RGB, 5 inks, 6 YCbCr, 8 CIE L*a*b*, 9 ICC L*a*b*. */
  readonly photometric: number
  /** 1 is uncompressed, 6 and 7 are JPEG. */
  readonly compression: number
  /** The file offset of the value of `photometric`. */
  readonly photometricAt: number
  readonly bits: number
  /** 1 unsigned, 2 signed, 3 floating point, 4 undefined, 5 and 6 complex. */
  readonly sampleFormat: number
  /** 0 of unknown use, 1 alpha that is multiplied in, 2 alpha. */
  readonly extraSamples: readonly number[]
  /** Dots per unit, across and down; undefined if the file does not state it. */
  readonly resolution: readonly [number, number] | undefined
  readonly isLittleEndian: boolean
}

const tags = {
  ...{ bits: 258, compression: 259, photometric: 262 },
  ...{ across: 282, down: 283, extra: 338, format: 339 },
}
/** Bytes of a value by its type: bytes, shorts, longs, rationals. */
const typeSizes: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 5: 8, 16: 8 }
/** A directory of more entries than this is damaged. */
const maxEntries = 4096

/** Reads the tags of a page, from 0; undefined if the directories are invalid. */
export async function readTiffTags(path: string, page: number): Promise<TiffTags | undefined> {
  const file = await open(path)
  try {
    return await readDirectory(file, page)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  } finally {
    await file.close()
  }
}

async function readDirectory(file: FileHandle, page: number): Promise<TiffTags> {
  const head = await read(file, 0, 16)
  const isLittleEndian = head.toString('latin1', 0, 2) === 'II'
  const number = (bytes: Buffer, at: number, size: number): number => {
    if (size === 8) {
      return Number(isLittleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at))
    }
    return isLittleEndian ? bytes.readUIntLE(at, size) : bytes.readUIntBE(at, size)
  }
  // BigTIFF counts in 64 bits.
  const isBig = number(head, 2, 2) === 43
  const word = isBig ? 8 : 4
  const countSize = isBig ? 8 : 2
  const entrySize = isBig ? 20 : 12
  let at = number(head, word, word)
  let entries: Buffer = Buffer.alloc(0)
  for (let index = 0; index <= page; index++) {
    const count = number(await read(file, at, countSize), 0, countSize)
    if (at === 0 || count > maxEntries) throw new RangeError('no such directory')
    entries = await read(file, at + countSize, count * entrySize + word)
    if (index < page) at = number(entries, count * entrySize, word)
  }
  const found = new Map<number, { values: number[]; at: number }>()
  for (let entry = 0; entry + entrySize <= entries.length; entry += entrySize) {
    const tag = number(entries, entry, 2)
    if (!Object.values(tags).includes(tag)) continue
    const type = number(entries, entry + 2, 2)
    const size = typeSizes[type]
    const count = Math.min(number(entries, entry + 4, word), 64)
    if (size === undefined) continue
    const inline = entry + 4 + word
    const isInline = size * count <= word
    const bytes = isInline
      ? entries.subarray(inline)
      : await read(file, number(entries, inline, word), size * count)
    const value = (index: number) =>
      type === 5
        ? number(bytes, index * 8, 4) / number(bytes, index * 8 + 4, 4)
        : number(bytes, index * size, size)
    found.set(tag, {
      values: Array.from({ length: count }, (_, index) => value(index)),
      at: at + countSize + inline,
    })
  }
  const first = (tag: number) => found.get(tag)?.values[0]
  const [across, down] = [first(tags.across), first(tags.down)]
  return {
    photometric: first(tags.photometric) ?? 1,
    photometricAt: found.get(tags.photometric)?.at ?? 0,
    compression: first(tags.compression) ?? 1,
    bits: first(tags.bits) ?? 1,
    sampleFormat: first(tags.format) ?? 1,
    extraSamples: found.get(tags.extra)?.values ?? [],
    resolution: across && down && across > 0 && down > 0 ? [across, down] : undefined,
    isLittleEndian,
  }
}

async function read(file: FileHandle, at: number, size: number): Promise<Buffer> {
  if (!Number.isSafeInteger(at)) throw new RangeError('beyond the end')
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, at)
  if (bytesRead < size) throw new RangeError('beyond the end')
  return buffer
}
