import { readFile, writeFile } from 'node:fs/promises'
import { exifHasLocation, iptcHasLocation, wipeLocation, xmpHasLocation } from './location.js'
import { pngChecksum } from './png.js'
import { type Metadata, type Sharp, sharp } from './sharp.js'

/** The descriptive metadata of a file that a rendition may lose; see `Inspection.holds`. */
export function heldMetadata(metadata: Partial<Metadata>): string[] {
  const { exif, xmp, iptc, hasProfile } = metadata
  const location =
    (exif && exifHasLocation(exif)) ||
    (xmp && xmpHasLocation(xmp)) ||
    (iptc && iptcHasLocation(iptc))
  return [
    ...(exif ? ['exif'] : []),
    ...(location ? ['gps'] : []),
    ...(xmp ? ['xmp'] : []),
    ...(iptc ? ['iptc'] : []),
    ...(hasProfile ? ['icc'] : []),
  ]
}

/** Which metadata to keep. */
interface Keeping {
  readonly location: boolean
  readonly profile: boolean
}

/**
 * Keeps EXIF, XMP and IPTC. Without `location`, XMP and IPTC with a location are dropped as a
 * whole; EXIF is kept and its location wiped in the written file.
 */
export function keepDescription(
  picture: Sharp,
  metadata: Partial<Metadata>,
  { location, profile }: Keeping,
): Sharp {
  const { exif, xmp, iptc, comments, tifftagPhotoshop } = metadata
  const xmpMayStay = !xmp || location || !xmpHasLocation(xmp)
  // sharp keeps IPTC only together with everything else, free text included.
  const iptcMayStay =
    iptc !== undefined &&
    (location || (!iptcHasLocation(iptc) && !comments?.length && !tifftagPhotoshop))
  // Without the profile: with it, and colours converted to sRGB.
  if (iptcMayStay && xmpMayStay) return profile ? picture.keepMetadata() : picture.withMetadata()
  if (exif) picture.keepExif()
  if (xmp && xmpMayStay) picture.keepXmp()
  return picture
}

/** `heldMetadata` of a file that was just written. */
export async function metadataIn(path: string): Promise<string[]> {
  return heldMetadata(await sharp(path, { limitInputPixels: false }).metadata())
}

/**
 * Wipes the location from the EXIF of a file that was just written. Resolves to false if a
 * location may be left in it.
 */
export async function wipeWrittenLocation(path: string): Promise<boolean> {
  const { exif } = await sharp(path, { limitInputPixels: false }).metadata()
  if (exif) {
    const bytes = await readFile(path)
    const prefix = exif.toString('latin1', 0, 4) === 'Exif' ? 6 : 0
    const at = bytes.indexOf(exif.subarray(prefix))
    if (at < 0) return false
    if (!wipeLocation(bytes.subarray(at, at + exif.length - prefix))) return false
    updatePngChecksum(bytes, at, exif.length - prefix)
    await writeFile(path, bytes)
  }
  return !(await metadataIn(path)).includes('gps')
}

/** The checksum after a PNG chunk covers its type and data. */
function updatePngChecksum(bytes: Buffer, at: number, length: number): void {
  if (bytes.toString('latin1', 1, 4) !== 'PNG') return
  if (bytes.toString('latin1', at - 4, at) !== 'eXIf') return
  bytes.writeUInt32BE(pngChecksum(bytes.subarray(at - 4, at + length)), at + length)
}
