import { iccChunk, pngChunk } from './png.js'
import { type Sharp, type SharpOptions, sharp } from './sharp.js'

/** An upright picture that was not decoded by sharp, and its metadata. */
export interface Pixels {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 2 | 3 | 4
  /** Rows from the top, without padding; a Uint16Array has 16 bits per channel. */
  readonly data: Uint8Array | Uint16Array
  readonly icc?: Buffer | undefined
  readonly exif?: Buffer | undefined
  readonly xmp?: Buffer | undefined
}

/** Opens pixels and their metadata with sharp. */
export async function sharpOf(pixels: Pixels, options: SharpOptions): Promise<Sharp> {
  const { width, height, channels, data } = pixels
  const raw = sharp(data, { ...options, raw: { width, height, channels } })
  const extras = [
    ...(pixels.icc ? [iccChunk(pixels.icc)] : []),
    ...(pixels.exif ? [pngChunk('eXIf', withoutPrefix(pixels.exif))] : []),
    ...(pixels.xmp ? [pngChunk('iTXt', xmpBody(pixels.xmp))] : []),
  ]
  const isDeep = data instanceof Uint16Array
  const isGrey = channels < 3
  if (extras.length === 0 && !isGrey) return raw
  // Raw pixels have no metadata; PNG is the only format of sharp for all of it.
  if (isGrey) raw.toColourspace(isDeep ? 'grey16' : 'b-w')
  else if (isDeep) raw.toColourspace('rgb16')
  const png = await raw.png({ compressionLevel: 0 }).toBuffer()
  const parts = [png.subarray(0, afterHeader), ...extras, png.subarray(afterHeader)]
  return sharp(Buffer.concat(parts), options)
}

/** The signature (8 bytes) and IHDR (25); PNG 3rd edition, §5. */
const afterHeader = 33

const withoutPrefix = (exif: Buffer) =>
  exif.subarray(exif.toString('latin1', 0, 4) === 'Exif' ? 6 : 0)

const xmpBody = (xmp: Buffer) =>
  Buffer.concat([Buffer.from('XML:com.adobe.xmp\0\0\0\0\0', 'latin1'), xmp])
