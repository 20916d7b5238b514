import { readFile, writeFile } from 'node:fs/promises'
import { exifNamesPlace, iptcNamesPlace, wipePlace, xmpNamesPlace } from './location.js'
import { pngChecksum } from './png.js'
import { type Metadata, type Sharp, sharp } from './sharp.js'

/** What of a file's descriptive metadata a rendition may lose. */
export function held(metadata: Partial<Metadata>): string[] {
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

/** What of the metadata is to stay. */
interface Keeping {
  readonly place: boolean
  readonly profile: boolean
}

/**
 * Keeps the description. Unless the place is to stay, XMP and IPTC that tell one are left out
 * whole; EXIF is kept whole and cleaned in the written file.
 */
export function keepDescription(
  picture: Sharp,
  metadata: Partial<Metadata>,
  { place, profile }: Keeping,
): Sharp {
  const { exif, xmp, iptc, comments, tifftagPhotoshop } = metadata
  const xmpMayStay = !xmp || place || !xmpNamesPlace(xmp)
  // sharp keeps IPTC only together with everything else, free text included.
  const iptcMayStay =
    iptc !== undefined &&
    (place || (!iptcNamesPlace(iptc) && !comments?.length && !tifftagPhotoshop))
  // Without the profile: with it, and colours converted to sRGB.
  if (iptcMayStay && xmpMayStay) return profile ? picture.keepMetadata() : picture.withMetadata()
  if (exif) picture.keepExif()
  if (xmp && xmpMayStay) picture.keepXmp()
  return picture
}

/** What a file that was just written holds of the metadata of `held`. */
export async function heldBy(path: string): Promise<string[]> {
  return held(await sharp(path, { limitInputPixels: false }).metadata())
}

/**
 * Wipes the place from the EXIF of a file that was just written.
 * Returns whether that went well: where it did not, a place might be left in it.
 */
export async function cleanWritten(path: string): Promise<boolean> {
  const { exif } = await sharp(path, { limitInputPixels: false }).metadata()
  if (exif) {
    const bytes = await readFile(path)
    const prefix = exif.toString('latin1', 0, 4) === 'Exif' ? 6 : 0
    const at = bytes.indexOf(exif.subarray(prefix))
    if (at < 0) return false
    if (!wipePlace(bytes.subarray(at, at + exif.length - prefix))) return false
    sealPngChunk(bytes, at, exif.length - prefix)
    await writeFile(path, bytes)
  }
  return !(await heldBy(path)).includes('gps')
}

/** In PNG a checksum follows each chunk: it covers the chunk's type and data. */
function sealPngChunk(bytes: Buffer, at: number, length: number): void {
  if (bytes.toString('latin1', 1, 4) !== 'PNG') return
  if (bytes.toString('latin1', at - 4, at) !== 'eXIf') return
  bytes.writeUInt32BE(pngChecksum(bytes.subarray(at - 4, at + length)), at + length)
}
