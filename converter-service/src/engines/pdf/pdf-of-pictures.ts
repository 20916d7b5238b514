import { readFile, rm } from 'node:fs/promises'
import { HeraldError } from '@herald/proto/errors'
import { defaultDpi } from '@herald/proto/rendition-options'
import type {
  EngineLimits,
  Inspection,
  RenditionPlan,
  RenditionResult,
  SourceFile,
} from '../engine.js'
import { openPicture } from '../image/open-picture.js'
import { refuseTooManyPages } from '../image/refusals.js'
import { type Metadata, sharp } from '../image/sharp.js'
import { imageEngine } from '../image.js'
import { bareJpeg, pngPicture } from './pdf-images.js'
import { type PdfPicture, PdfWriter } from './pdf-writer.js'

/** Formats with lossy encoders, whose pictures are embedded as JPEG. */
const lossyFormats = new Set(['jpeg', 'webp', 'avif', 'heic'])
const photographQuality = 90
/** The largest side of a page, in points; ISO 32000-1, annex C. */
const longestSide = 14_400

/**
 * Makes a PDF of the pages or frames of a picture. A JPEG that needs no change is embedded as
 * it is, without its metadata; other photographs become JPEG, everything else stays lossless.
 */
export async function bindPictures(
  source: SourceFile,
  plan: RenditionPlan,
  target: string,
  limits: EngineLimits,
): Promise<RenditionResult> {
  const inspection = await imageEngine.inspect(source)
  const pages =
    plan.page === undefined
      ? Array.from({ length: inspection.pages }, (_, page) => page)
      : [plan.page]
  refuseTooManyPages(pages.length, limits)
  refuseTooManyPixels(inspection, pages.length, limits)
  const { metadata } = await openPicture(source)
  const dpi = dotsPerInch(source, plan, metadata)
  const writer = await PdfWriter.create(target)
  let first: { width: number; height: number } | undefined
  try {
    for (const page of pages) {
      const asked = inspection.pages > 1 ? { ...plan, page } : plan
      const { picture, orientation } =
        (await embedJpeg(source, asked, metadata, limits)) ??
        (await encodeAgain(source, asked, metadata, inspection, dpi, `${target}.page`, limits))
      const turned = orientation > 4
      const width = turned ? picture.height : picture.width
      const height = turned ? picture.width : picture.height
      first ??= { width, height }
      const points = Math.min(72 / dpi, longestSide / Math.max(width, height))
      await writer.addPage(picture, width * points, height * points, orientation)
    }
    await writer.finish()
  } catch (error) {
    await writer.abandon()
    throw error
  }
  return {
    width: first?.width ?? 0,
    height: first?.height ?? 0,
    pages: pages.length,
    kept: pages.length > 1 || plan.page !== undefined ? ['pages'] : [],
    encoder: 'herald-pdf 1',
  }
}

interface PageImage {
  readonly picture: PdfPicture
  /** As in EXIF; applied by the page. */
  readonly orientation: number
}

/** The JPEG's own bytes, if nothing has to be changed. */
async function embedJpeg(
  source: SourceFile,
  plan: RenditionPlan,
  metadata: Partial<Metadata>,
  limits: EngineLimits,
): Promise<PageImage | undefined> {
  const { width, height, rotate } = plan
  if (source.format !== 'jpeg' || width !== undefined || height !== undefined || rotate !== 0) {
    return undefined
  }
  const isGrey = metadata.space === 'b-w'
  if (!isGrey && metadata.space !== 'srgb') return undefined
  // A PDF without a profile shows sRGB: other colours are converted first.
  if (metadata.icc && !metadata.icc.includes('sRGB')) return undefined
  const data = bareJpeg(await readFile(source.path))
  if (!data) return undefined
  // Decodes all of it, so that a damaged file is refused and not half shown by the reader.
  await imageEngine.preview(source, limits)
  return {
    picture: {
      width: metadata.width ?? 0,
      height: metadata.height ?? 0,
      entries: `/ColorSpace/${isGrey ? 'DeviceGray' : 'DeviceRGB'}/BitsPerComponent 8/Filter/DCTDecode`,
      data,
    },
    orientation: metadata.orientation ?? 1,
  }
}

async function encodeAgain(
  source: SourceFile,
  plan: RenditionPlan,
  metadata: Partial<Metadata>,
  inspection: Inspection,
  dpi: number,
  path: string,
  limits: EngineLimits,
): Promise<PageImage> {
  const isPhotograph = lossyFormats.has(source.format) && !metadata.hasAlpha && !plan.lossless
  const { quality: _quality, maxBytes: _maxBytes, dpi: _dpi, ...options } = plan
  const unsized = plan.width === undefined && plan.height === undefined
  const asked: RenditionPlan = {
    ...options,
    ...(isPhotograph ? { format: 'jpeg', quality: photographQuality } : { format: 'png' }),
    // A drawing has 96 pixels per inch, whatever its resolution.
    ...(source.format === 'svg' && unsized
      ? { width: Math.max(1, Math.round((inspection.width * dpi) / 96)) }
      : {}),
    lossless: false,
    palette: false,
    keep: [],
  }
  try {
    const made = await imageEngine.convert(source, asked, path, limits)
    if (!isPhotograph) return { picture: await pngPicture(path), orientation: 1 }
    const { space } = await sharp(path).metadata()
    const colours = space === 'b-w' ? 'DeviceGray' : 'DeviceRGB'
    return {
      picture: {
        width: made.width,
        height: made.height,
        entries: `/ColorSpace/${colours}/BitsPerComponent 8/Filter/DCTDecode`,
        data: await readFile(path),
      },
      orientation: 1,
    }
  } finally {
    await rm(path, { force: true })
  }
}

/** The requested one, else that of a scanner. Cameras write 72 without a meaning. */
function dotsPerInch(
  source: SourceFile,
  { dpi }: RenditionPlan,
  metadata: Partial<Metadata>,
): number {
  if (dpi !== undefined) return dpi
  const density = metadata.density ?? 0
  return source.format !== 'svg' && density > 72 && density <= 2400 ? density : defaultDpi
}

function refuseTooManyPixels(
  { width, height }: Inspection,
  pages: number,
  { maxPixels }: EngineLimits,
): void {
  const pixels = width * height * pages
  if (pixels <= maxPixels) return
  throw new HeraldError(
    'HERALD_TOO_MANY_PIXELS',
    `The file has ${pixels.toLocaleString('en')} pixels in all its pages; this server accepts at most ${maxPixels.toLocaleString('en')}.`,
    { remedy: 'Make it smaller before uploading it, or request one page.' },
  )
}
