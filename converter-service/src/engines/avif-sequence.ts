import { open, readFile } from 'node:fs/promises'

/** A file that plays pictures one after another, seen as the still picture that it holds as well. */
export interface AvifSequence {
  readonly still: Buffer
  readonly frames: number
}

/**
 * libvips passes over files of the brand `avis`, though it could read the still picture in them;
 * the frames themselves it cannot. Undefined for every other file.
 */
export async function avifSequence(path: string): Promise<AvifSequence | undefined> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(12), 0, 12, 0)
    if (bytesRead < 12 || buffer.toString('latin1', 4, 12) !== 'ftypavis') return undefined
  } finally {
    await file.close()
  }
  const still = await readFile(path)
  // ISO/IEC 14496-12 §8.7.3: version and flags, the size of all samples or 0, their number.
  const sizes = still.indexOf('stsz', 0, 'latin1')
  const frames = sizes > 0 && sizes + 16 <= still.length ? still.readUInt32BE(sizes + 12) : 1
  still.write('avif', 8, 'latin1')
  return { still, frames }
}
