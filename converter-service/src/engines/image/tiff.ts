import { HeraldError } from '@herald/proto/errors'
import { formatNamed } from '../../formats.js'
import type { Picture, ReadOptions } from './picture.js'
import { sharpOf } from './pixels.js'
import { refuseMissingPage } from './refusals.js'
import { type Metadata, type Sharp, type SharpOptions, sharp } from './sharp.js'
import type { Size } from './target-size.js'
import { readLab, readNumbers } from './tiff-samples.js'
import { readTiffTags, type TiffTags } from './tiff-tags.js'

const header: SharpOptions = { failOn: 'error', limitInputPixels: false }
/** A larger ratio of resolutions is an error of the program that wrote the file. */
const maxRatio = 4
/** None, LZW, Deflate (two numbers), PackBits, LZMA, Zstandard. */
const losslessCodings: ReadonlySet<number> = new Set([1, 5, 8, 32946, 32773, 34925, 50000])

/** Opens a page of a TIFF. What libvips would misread is read as raw values and converted here. */
export async function openTiff(path: string, page = 0): Promise<Picture> {
  const tags = await readTiffTags(path, page)
  if (tags) refuseNumbers(tags)
  const isLab = tags !== undefined && (tags.photometric === 8 || tags.photometric === 9)
  // libvips rejects files with L*a*b* of 8 bits.
  const readsLab = isLab && (tags.bits === 8 || tags.bits === 16)
  const lab = readsLab ? await readLab.open(path, tags) : undefined
  const { pages = 1 } = await sharp(lab ?? path, header).metadata()
  refuseMissingPage(page, pages)
  const metadata = await sharp(lab ?? path, { ...header, page }).metadata()
  refuseChannels(metadata)
  const readsNumbers = tags !== undefined && !readsLab && needsNumbers(tags, metadata)
  const isGrey = metadata.space === 'b-w' || metadata.space === 'grey16'

  const read = async ({ deep: _deep, ...options }: ReadOptions): Promise<Sharp> => {
    const { icc } = metadata
    if (lab && tags) return sharpOf(await readLab.pixels(lab, page, tags), options)
    if (!readsNumbers) return sharp(path, { failOn: 'error', page, ignoreIcc: isLab, ...options })
    const pixels = await readNumbers(path, page, metadata, tags)
    return sharpOf(icc ? { ...pixels, icc } : pixels, options)
  }
  const deep = { depth: 'ushort', space: isGrey ? 'grey16' : 'rgb16' } as const
  const shown: Partial<Metadata> = {
    ...metadata,
    ...(readsNumbers && metadata.depth !== 'uchar' ? deep : {}),
    ...(lab ? { depth: 'uchar' as const, space: 'srgb' as const } : {}),
  }
  // A profile of RGB is that of the picture before it became L*a*b*.
  if (isLab) withoutProfile(shown)
  const picture = {
    format: formatNamed('tiff'),
    metadata: shown,
    width: metadata.autoOrient.width,
    height: metadata.autoOrient.height,
    pages,
    frames: pages,
    scalable: false,
    read,
  }
  const [across, down] = tags?.resolution ?? [1, 1]
  const square = squareSize(metadata, across / down)
  return square ? withSquarePixels(picture, square, across / down) : picture
}

/** Refuses values that would be converted wrongly. */
function refuseNumbers({ bits, sampleFormat, photometric, compression }: TiffTags): void {
  if (sampleFormat === 2 && photometric !== 8) {
    throw unreadable('signed numbers, of which none is known to be white')
  }
  if (sampleFormat === 3 && bits !== 32) throw unreadable(`floating-point numbers of ${bits} bits`)
  if (sampleFormat > 4) throw unreadable('complex numbers')
  // Only libjpeg converts YCbCr to RGB; with other compressions libvips reads the values as RGB.
  if (photometric === 6 && losslessCodings.has(compression)) {
    throw unreadable('brightness and colour differences (YCbCr) that are not coded as JPEG')
  }
}

/** Refuses channels that would be converted wrongly. */
function refuseChannels({ space, depth, channels }: Metadata): void {
  const isGrey = space === 'b-w' || space === 'grey16'
  if (space === 'multiband' || (isGrey && channels > 2)) {
    throw unreadable(`${channels} channels that are not colours`)
  }
  if (space === 'cmyk' && depth !== 'uchar' && depth !== 'ushort') {
    throw unreadable(`inks in numbers of type ${depth}`)
  }
}

function unreadable(what: string): HeraldError {
  return new HeraldError(
    'HERALD_UNSUPPORTED_FILE',
    `This TIFF file holds ${what}, which this server cannot read as a picture.`,
    { remedy: 'Save it as RGB or grey with 8 or 16 bits per channel.' },
  )
}

/** Whether libvips would misread the values, or fail on channels after the alpha. */
function needsNumbers({ sampleFormat, bits }: TiffTags, { space, channels }: Metadata): boolean {
  if (space === 'lab') return false
  return sampleFormat === 3 || bits === 32 || (space !== 'cmyk' && channels > 4)
}

/** The upright size with square pixels, if the file's are not: faxes have 204 by 98 to the inch. */
function squareSize(metadata: Metadata, ratio: number): Size | undefined {
  if (Math.abs(ratio - 1) < 0.01 || ratio > maxRatio || ratio < 1 / maxRatio) return undefined
  const { width, height, orientation = 1 } = metadata
  // The coarser direction is enlarged, so that nothing is lost.
  const stored = {
    width: Math.round(width * Math.max(1, 1 / ratio)),
    height: Math.round(height * Math.max(1, ratio)),
  }
  return orientation > 4 ? { width: stored.height, height: stored.width } : stored
}

function withSquarePixels(picture: Picture, size: Size, ratio: number): Picture {
  const { depth, space } = picture.metadata
  const metadata = { ...picture.metadata }
  withoutProfile(metadata)
  delete metadata.orientation
  // The density of the finer direction.
  if (metadata.density) metadata.density = Math.round(metadata.density * Math.max(1, 1 / ratio))
  return {
    ...picture,
    ...size,
    metadata,
    async read(options) {
      const upright = (await picture.read(options)).autoOrient().resize({ ...size, fit: 'fill' })
      if (depth === 'ushort') upright.toColourspace(space === 'grey16' ? 'grey16' : 'rgb16')
      const png = await upright.png({ compressionLevel: 0 }).toBuffer()
      return sharp(png, { limitInputPixels: false })
    },
  }
}

/** For pixels that are sRGB already. */
function withoutProfile(metadata: Partial<Metadata>): void {
  metadata.hasProfile = false
  delete metadata.icc
}
