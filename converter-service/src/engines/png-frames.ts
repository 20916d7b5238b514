import { open } from 'node:fs/promises'

/** Where `acTL` has to stand: before the first pixel, among the small chunks. */
const searchedBytes = 64 * 1024

/** The frames of a PNG: more than one where it is animated (PNG 3rd edition, §11.3.6.1). */
export async function countPngFrames(path: string): Promise<number> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(searchedBytes), 0, searchedBytes, 0)
    const head = buffer.subarray(0, bytesRead)
    // After the signature: length, type, data, checksum.
    for (let at = 8; at + 12 <= head.length; at += head.readUInt32BE(at) + 12) {
      const type = head.toString('latin1', at + 4, at + 8)
      if (type === 'acTL') return Math.max(1, head.readUInt32BE(at + 8))
      if (type === 'IDAT') break
    }
    return 1
  } finally {
    await file.close()
  }
}
