import { readFile, rm } from 'node:fs/promises'
import { HeraldError } from '@herald/proto/errors'
import { defaultDpi } from '@herald/proto/rendition-options'
import type { EngineLimits, Inspection, Made, RenditionPlan, SourceFile } from './engine.js'
import { imageEngine } from './image.js'
import { openPicture } from './open-picture.js'
import { bareJpeg, pngPicture } from './pdf-images.js'
import { type PdfPicture, PdfWriter } from './pdf-writer.js'
import { refuseTooManyPages } from './refusals.js'
import { type Metadata, sharp } from './sharp.js'

/** Formats whose pictures have been through a lossy encoder: a photograph stays one. */
const lossyFormats = new Set(['jpeg', 'webp', 'avif', 'heic'])
const photographQuality = 90
/** The largest side of a page, in points; ISO 32000-1, annex C. */
const longestSide = 14_400

/**
 * Binds the pages or frames of a picture to a PDF. A JPEG that needs no change is taken over as
 * it is, without its metadata; other photographs become JPEG, everything else stays lossless.
 */
export async function bindPictures(
  source: SourceFile,
  plan: RenditionPlan,
  target: string,
  limits: EngineLimits,
): Promise<Made> {
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
        (await takeOver(source, asked, metadata, limits)) ??
        (await redraw(source, asked, metadata, inspection, dpi, `${target}.page`, limits))
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

interface Taken {
  readonly picture: PdfPicture
  /** By which the page shows it; see EXIF. */
  readonly orientation: number
}

/** The JPEG's own bytes, where nothing needs to be done to them. */
async function takeOver(
  source: SourceFile,
  plan: RenditionPlan,
  metadata: Partial<Metadata>,
  limits: EngineLimits,
): Promise<Taken | undefined> {
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
  // Decodes all of it: what is damaged is refused here, not shown half by the reader.
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

async function redraw(
  source: SourceFile,
  plan: RenditionPlan,
  metadata: Partial<Metadata>,
  inspection: Inspection,
  dpi: number,
  path: string,
  limits: EngineLimits,
): Promise<Taken> {
  const isPhotograph = lossyFormats.has(source.format) && !metadata.hasAlpha && !plan.lossless
  const { quality: _quality, maxBytes: _maxBytes, dpi: _dpi, ...options } = plan
  const unsized = plan.width === undefined && plan.height === undefined
  const asked: RenditionPlan = {
    ...options,
    ...(isPhotograph ? { format: 'jpeg', quality: photographQuality } : { format: 'png' }),
    // A drawing is 96 to the inch, whatever it is drawn at.
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

/** What was asked for; else what a scanner wrote. Cameras write 72 and know nothing. */
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
    `The file has ${pixels.toLocaleString('en')} pixels over all its pages; this server takes ${maxPixels.toLocaleString('en')}.`,
    { remedy: 'Make it smaller before uploading it, or ask for one page.' },
  )
}
