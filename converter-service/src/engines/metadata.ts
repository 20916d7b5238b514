import { readFile, writeFile } from 'node:fs/promises'
import { exifNamesPlace, iptcNamesPlace, wipePlace, xmpNamesPlace } from './location.js'
import { pngChecksum } from './png-checksum.js'
import { type Metadata, type Sharp, sharp } from './sharp.js'

/** What of a file's descriptive metadata a rendition may lose. */
export function held(metadata: Metadata): string[] {
  const { exif, xmp, iptc, hasProfile } = metadata
  const place =
    (exif && exifNamesPlace(exif)) || (xmp && xmpNamesPlace(xmp)) || (iptc && iptcNamesPlace(iptc))
  return [
    ...(exif ? ['exif'] : []),
    ...(place ? ['gps'] : []),
    ...(xmp ? ['xmp'] : []),
    ...(iptc ? ['iptc'] : []),
    ...(hasProfile ? ['icc'] : []),
  ]
}

/**
 * Keeps what tells no place. EXIF is kept whole and cleaned in the written file; XMP and IPTC
 * that tell a place are left out whole. Colours become sRGB in any case.
 */
export function keepDescription(picture: Sharp, metadata: Metadata): Sharp {
  const { exif, xmp, iptc, comments, tifftagPhotoshop } = metadata
  const xmpIsFree = !xmp || !xmpNamesPlace(xmp)
  // sharp keeps IPTC only together with everything else, free text included.
  const iptcIsFree =
    iptc !== undefined && !iptcNamesPlace(iptc) && !comments?.length && !tifftagPhotoshop
  if (iptcIsFree && xmpIsFree) return picture.withMetadata()
  if (exif) picture.keepExif()
  if (xmp && xmpIsFree) picture.keepXmp()
  return picture
}

/**
 * Wipes the place from the EXIF of a file that was just written.
 * Returns what the file holds now, or undefined where a place might be left in it.
 */
export async function cleanWritten(path: string): Promise<string[] | undefined> {
  const { exif } = await sharp(path).metadata()
  if (exif) {
    const bytes = await readFile(path)
    const prefix = exif.toString('latin1', 0, 4) === 'Exif' ? 6 : 0
    const at = bytes.indexOf(exif.subarray(prefix))
    if (at < 0) return undefined
    if (!wipePlace(bytes.subarray(at, at + exif.length - prefix))) return undefined
    sealPngChunk(bytes, at, exif.length - prefix)
    await writeFile(path, bytes)
  }
  const now = held(await sharp(path).metadata())
  return now.includes('gps') ? undefined : now.filter((item) => item !== 'icc')
}

/** In PNG a checksum follows each chunk: it covers the chunk's type and data. */
function sealPngChunk(bytes: Buffer, at: number, length: number): void {
  if (bytes.toString('latin1', 1, 4) !== 'PNG') return
  if (bytes.toString('latin1', at - 4, at) !== 'eXIf') return
  bytes.writeUInt32BE(pngChecksum(bytes.subarray(at - 4, at + length)), at + length)
}
