import sharp from 'sharp'

/** A TIFF of two pages of different sizes: red, then green. */
export async function scan(): Promise<Buffer> {
  const first = await page(30, 20, '#ff0000')
  const second = await page(10, 50, '#00ff00')
  return joinTiffs(first, second)
}

const page = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } })
    .tiff({ compression: 'none' })
    .toBuffer()

/** Hangs the directory of the second behind that of the first; its places move along (TIFF 6.0 §2). */
function joinTiffs(first: Buffer, second: Buffer): Buffer {
  const [one, other] = [Buffer.from(first), Buffer.from(second)]
  const base = one.length + (one.length % 2)
  const sizes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8]
  const at = other.readUInt32LE(4)
  for (let index = 0; index < other.readUInt16LE(at); index++) {
    const entry = at + 2 + index * 12
    const [tag, type, count] = [
      other.readUInt16LE(entry),
      other.readUInt16LE(entry + 2),
      other.readUInt32LE(entry + 4),
    ]
    const value = other.readUInt32LE(entry + 8)
    // StripOffsets is a place itself; values longer than four bytes stand elsewhere.
    const isPlace = (sizes[type] ?? 1) * count > 4
    if (isPlace && tag === 273) {
      for (let strip = 0; strip < count; strip++) {
        other.writeUInt32LE(other.readUInt32LE(value + strip * 4) + base, value + strip * 4)
      }
    }
    if (isPlace || tag === 273) other.writeUInt32LE(value + base, entry + 8)
  }
  const directory = one.readUInt32LE(4)
  one.writeUInt32LE(base + at, directory + 2 + one.readUInt16LE(directory) * 12)
  return Buffer.concat([one, Buffer.alloc(one.length % 2), other])
}
