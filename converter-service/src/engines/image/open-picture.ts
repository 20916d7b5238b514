import { formatNamed } from '../../formats.js'
import type { SourceFile } from '../engine.js'
import { openBmp, openIco } from './bmp-and-ico.js'
import { colourProfile, coloursOfCicp } from './colour-profile.js'
import { containsHevc, decodeHevc } from './heic.js'
import { avifSequence, heifColours } from './heif-boxes.js'
import { exifUpright } from './location.js'
import type { Picture } from './picture.js'
import { type Pixels, sharpOf } from './pixels.js'
import { countPngFrames, pngWithProfile } from './png.js'
import { refuseMissingPage, refuseUnreadableFrame } from './refusals.js'
import { type Metadata, type Sharp, type SharpOptions, sharp } from './sharp.js'
import { openSvg } from './svg.js'
import { openTiff } from './tiff.js'

// Many JPEGs cause harmless warnings; missing or damaged data is an error.
const failOn = 'error'

/**
 * Reads the header of a picture of any size. Without `page`, of its main page. Rejects with HERALD_BAD_OPTION when there is no such page.
 */
export function openPicture(source: SourceFile, page?: number): Promise<Picture> {
  switch (source.format) {
    case 'bmp':
      return openBmp(source.path, page)
    case 'ico':
      return openIco(source.path, page)
    case 'svg':
      return openSvg(source.path, page)
    case 'tiff':
      return openTiff(source.path, page)
    default:
      return openWithSharp(source, page)
  }
}

async function openWithSharp(source: SourceFile, page: number | undefined): Promise<Picture> {
  const format = formatNamed(source.format)
  // The limit is checked later, when the size is known.
  const header: SharpOptions = { failOn, limitInputPixels: false }
  const sequence = format.name === 'avif' ? await avifSequence(source.path) : undefined
  const withProfile = format.name === 'png' ? await pngWithProfile(source.path) : undefined
  const input = sequence?.still ?? withProfile ?? source.path
  const first = await sharp(input, header).metadata()
  const pages = first.pages ?? 1
  const frames =
    sequence?.frames ?? (format.name === 'png' ? await countPngFrames(source.path) : pages)
  refuseUnreadableFrame(page, pages, frames, format.name)
  refuseMissingPage(page, pages)
  // A HEIF file names its main picture.
  const opened = page ?? first.pagePrimary ?? 0
  const stored = opened === 0 ? first : await sharp(input, { ...header, page: opened }).metadata()
  const coded = stored.format === 'heif' ? await codedProfile(source, stored) : undefined
  // A profile made here is not metadata of the file.
  const hasProfile = stored.hasProfile && !withProfile
  const metadata = { ...stored, hasProfile, ...(coded ? { icc: coded } : {}) }
  const hevc = metadata.compression === 'hevc' && (await containsHevc(source.path))
  return {
    format,
    metadata,
    width: metadata.autoOrient.width,
    height: metadata.autoOrient.height,
    pages,
    frames,
    scalable: false,
    read: async ({ deep = false, ...options }) => {
      if (hevc) return readHevc(source.path, opened, metadata, deep, options)
      if (coded) return readWithProfile(input, opened, metadata, options)
      return sharp(input, { failOn, ...(opened > 0 ? { page: opened } : {}), ...options })
    },
  }
}

/** An ICC profile for the colour code points of a HEIF file; undefined if they are sRGB. */
async function codedProfile({ path, format }: SourceFile, { icc }: Metadata) {
  const cicp = icc ? undefined : await heifColours(path)
  const colours = cicp && coloursOfCicp(cicp, format.toUpperCase())
  return colours && colourProfile(colours.primaries, colours.curve, false)
}

/** libvips cannot be given a profile for a file, so its pixels are decoded and opened again. */
async function readWithProfile(
  input: string | Buffer,
  page: number,
  { depth, space, icc, exif, xmp }: Metadata,
  options: SharpOptions,
): Promise<Sharp> {
  const { data, info } = await sharp(input, { failOn, page, ...options })
    .toColourspace(space)
    .raw({ depth })
    .toBuffer({ resolveWithObject: true })
  const { buffer, byteOffset, byteLength } = data
  const isDeep = depth === 'ushort'
  const pixels = {
    width: info.width,
    height: info.height,
    channels: info.channels as Pixels['channels'],
    data: isDeep ? new Uint16Array(buffer, byteOffset, byteLength / 2) : data,
  }
  return sharpOf({ ...pixels, ...carried({ icc, exif, xmp }) }, options)
}

/** The pixels are upright already; the EXIF orientation would rotate them again. */
function carried({ icc, exif, xmp }: Pick<Metadata, 'icc' | 'exif' | 'xmp'>) {
  return {
    ...(icc ? { icc } : {}),
    ...(exif ? { exif: exifUpright(exif) } : {}),
    ...(xmp ? { xmp } : {}),
  }
}

async function readHevc(
  path: string,
  page: number,
  metadata: Metadata,
  deep: boolean,
  options: SharpOptions,
): Promise<Sharp> {
  const { icc, exif, xmp, hasAlpha, bitsPerSample = 8 } = metadata
  const pixels = await decodeHevc(path, page, { deep: deep && bitsPerSample > 8, alpha: hasAlpha })
  return sharpOf({ ...pixels, ...carried({ icc, exif, xmp }) }, options)
}
