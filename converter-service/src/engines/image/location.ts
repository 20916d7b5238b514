/** EXIF 2.32, §4.6.3: the entry of IFD0 that leads to the GPS directory. */
const gpsDirectory = 0x8825
const exifDirectory = 0x8769
const orientation = 0x0112
/** A camera maker's own format; some makers write the location into it. */
const makerNote = 0x927c

/** Bytes per value by TIFF type, TIFF 6.0 §2. */
const typeSizes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8]

interface Directory {
  readonly at: number
  readonly entries: number
}

/** EXIF bytes (with or without their `Exif\0\0` prefix) as directories; throws RangeError on anything else. */
class Exif {
  readonly #bytes: Buffer
  readonly #little: boolean

  constructor(bytes: Buffer) {
    this.#bytes = bytes.subarray(bytes.toString('latin1', 0, 4) === 'Exif' ? 6 : 0)
    const order = this.#bytes.toString('latin1', 0, 2)
    if (order !== 'II' && order !== 'MM') throw new RangeError('not a TIFF header')
    this.#little = order === 'II'
  }

  /** Every directory of the chain, and the EXIF directory of each. */
  *directories(): Iterable<Directory> {
    const seen = new Set<number>()
    const waiting = [this.#uint32(4)]
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (at === 0 || seen.has(at)) continue
      seen.add(at)
      const directory = { at, entries: this.#uint16(at) }
      yield directory
      const exif = this.find(directory, exifDirectory)
      if (exif !== undefined) waiting.push(this.#uint32(exif + 8))
      waiting.push(this.#uint32(at + 2 + this.#uint16(at) * 12))
    }
  }

  /** The offset of that tag's entry. */
  find({ at }: Directory, tag: number): number | undefined {
    const entries = this.#uint16(at)
    for (let index = 0; index < entries; index++) {
      const entry = at + 2 + index * 12
      if (this.#uint16(entry) === tag) return entry
    }
    return undefined
  }

  /** Wipes the entry's value and closes the gap; the length of the whole stays. */
  remove(directory: Directory, entry: number): void {
    const entries = this.#uint16(directory.at)
    if (this.#uint16(entry) === gpsDirectory) this.#wipeDirectory(this.#uint32(entry + 8))
    else this.#wipeValue(entry)
    const end = directory.at + 2 + entries * 12 + 4
    this.#bytes.copyWithin(entry, entry + 12, end)
    this.#bytes.fill(0, end - 12, end)
    if (this.#little) this.#bytes.writeUInt16LE(entries - 1, directory.at)
    else this.#bytes.writeUInt16BE(entries - 1, directory.at)
  }

  /** Makes the entry's value one 16-bit number. */
  setShort(entry: number, value: number): void {
    const bytes = Buffer.alloc(10)
    if (this.#little) {
      bytes.writeUInt16LE(3, 0)
      bytes.writeUInt32LE(1, 2)
      bytes.writeUInt16LE(value, 6)
    } else {
      bytes.writeUInt16BE(3, 0)
      bytes.writeUInt32BE(1, 2)
      bytes.writeUInt16BE(value, 6)
    }
    bytes.copy(this.#bytes, entry + 2)
  }

  #wipeDirectory(at: number): void {
    const entries = this.#uint16(at)
    for (let index = 0; index < entries; index++) this.#wipeValue(at + 2 + index * 12)
    this.#bytes.fill(0, at, at + 2 + entries * 12)
  }

  #wipeValue(entry: number): void {
    const size = (typeSizes[this.#uint16(entry + 2)] ?? 1) * this.#uint32(entry + 4)
    if (size <= 4) this.#bytes.fill(0, entry + 8, entry + 12)
    else {
      const value = this.#uint32(entry + 8)
      this.#bytes.fill(0, value, Math.min(this.#bytes.length, value + size))
    }
  }

  #uint16(at: number): number {
    return this.#little ? this.#bytes.readUInt16LE(at) : this.#bytes.readUInt16BE(at)
  }

  #uint32(at: number): number {
    return this.#little ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at)
  }
}

/** Whether EXIF has a location; true if it cannot be read. */
export function exifHasLocation(bytes: Buffer): boolean {
  try {
    const exif = new Exif(bytes)
    for (const directory of exif.directories()) {
      if (exif.find(directory, gpsDirectory) !== undefined) return true
    }
    return false
  } catch {
    return true
  }
}

/** A copy of EXIF with upright orientation; empty if it cannot be read. */
export function exifUpright(bytes: Buffer): Buffer {
  try {
    const copy = Buffer.from(bytes)
    const exif = new Exif(copy)
    for (const directory of exif.directories()) {
      const entry = exif.find(directory, orientation)
      if (entry !== undefined) exif.setShort(entry, 1)
    }
    return copy
  } catch {
    return Buffer.alloc(0)
  }
}

/**
 * Wipes the location and the maker's notes from EXIF, in place; the length stays. Returns false
 * if that failed: the EXIF must then not be kept.
 */
export function wipeLocation(bytes: Buffer): boolean {
  try {
    const exif = new Exif(bytes)
    for (const directory of exif.directories()) {
      for (const tag of [gpsDirectory, makerNote]) {
        for (let entry = exif.find(directory, tag); entry !== undefined; ) {
          exif.remove(directory, entry)
          entry = exif.find(directory, tag)
        }
      }
    }
    return true
  } catch {
    return false
  }
}

/** Whether XMP has a location: coordinates, or the place names of Photoshop and IPTC. */
export function xmpHasLocation(bytes: Buffer): boolean {
  return /gps|latitude|longitude|\bgeo\b|location|countrycode|photoshop:(city|state|country)/i.test(
    // Without zero bytes, UTF-16 can be searched like UTF-8.
    bytes.toString('latin1').replaceAll('\0', ''),
  )
}

/** The datasets of IPTC IIM 4.2 record 2 that name a place. */
const placeDatasets = new Set([26, 27, 90, 92, 95, 100, 101])

/** Whether IPTC, or the Photoshop resources around it, has a location. */
export function iptcHasLocation(bytes: Buffer): boolean {
  // Resource 0x0422 is a copy of EXIF, 0x0424 of XMP.
  if (bytes.includes('8BIM\x04\x22', 0, 'latin1') || xmpHasLocation(bytes)) return true
  for (let at = bytes.indexOf(0x1c); at >= 0; at = bytes.indexOf(0x1c, at + 1)) {
    if (bytes[at + 1] === 2 && placeDatasets.has(bytes[at + 2] ?? 0)) return true
  }
  return false
}
