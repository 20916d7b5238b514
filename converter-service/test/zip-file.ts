import * as zlib from 'node:zlib'
import { pngChecksum } from '#src/engines/image/png'

export interface ZipPart {
  readonly name: string
  readonly bytes: Buffer | string
  /** Left as it is, not compressed. */
  readonly stored?: boolean
  /** Its size in the directory; may be false. */
  readonly saidBytes?: number
  /** Has the offset and bytes of that part, by index. */
  readonly over?: number
}

/** A ZIP by hand: what no program would write as well. */
export function zipFile(parts: readonly ZipPart[]): Buffer {
  const bodies: Buffer[] = []
  const directory: Buffer[] = []
  const places: { at: number; sum: number; packed: Buffer; size: number }[] = []
  let at = 0
  for (const part of parts) {
    const bytes = Buffer.from(part.bytes)
    const packed = part.stored ? bytes : zlib.deflateRawSync(bytes)
    const own = { at, sum: checksum(bytes), packed, size: bytes.length }
    const place = (part.over === undefined ? undefined : places[part.over]) ?? own
    places.push(place)
    const name = Buffer.from(part.name)
    const facts = Buffer.alloc(26)
    facts.writeUInt16LE(20, 0)
    facts.writeUInt16LE(part.stored ? 0 : 8, 4)
    facts.writeUInt32LE(place.sum, 10)
    facts.writeUInt32LE(place.packed.length, 14)
    facts.writeUInt32LE(part.saidBytes ?? place.size, 18)
    facts.writeUInt16LE(name.length, 22)
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(place.at, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\0', 'latin1'), facts, tail, name)
    if (part.over !== undefined) continue
    const body = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), facts, name, packed])
    bodies.push(body)
    at += body.length
  }
  const listed = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(parts.length, 8)
  end.writeUInt16LE(parts.length, 10)
  end.writeUInt32LE(listed.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...bodies, listed, end])
}

/** Node before 20.15 has none, and the other is slow. */
const checksum = (bytes: Buffer): number =>
  'crc32' in zlib ? zlib.crc32(bytes) : pngChecksum(bytes)
