import { HeraldError } from '@herald/proto/errors'
import { formatNamed } from '../../formats.js'
import type { EngineLimits, RenditionPlan } from '../engine.js'
import type { Picture } from './picture.js'
import { drawingSize, targetSize } from './target-size.js'

const figure = (value: number) => Math.round(value).toLocaleString('en')

/** Refuses what exceeds a limit, before a pixel is read. */
export function refuseTooLarge(
  picture: Pick<Picture, 'width' | 'height' | 'scalable'>,
  pages: number,
  plan: RenditionPlan,
  { maxPixels, maxPages }: EngineLimits,
): void {
  const { width, height } = picture
  if (pages > maxPages) {
    throw new HeraldError(
      'HERALD_TOO_MANY_PAGES',
      `The file has ${figure(pages)} pages or frames; this server accepts at most ${figure(maxPages)}.`,
      { remedy: 'Split it, or request a format without animation, which takes the first frame.' },
    )
  }
  const times = pages > 1 ? ` × ${figure(pages)} frames` : ''
  // A drawing has no pixels before it is drawn.
  if (!picture.scalable && width * height * pages > maxPixels) {
    throw new HeraldError(
      'HERALD_TOO_MANY_PIXELS',
      `The picture has ${figure(width * height * pages)} pixels (${figure(width)} × ${figure(height)}${times}); this server accepts at most ${figure(maxPixels)}.`,
      { remedy: 'Make it smaller before uploading it.' },
    )
  }
  const size = targetSize(picture, plan, picture.scalable)
  const target = formatNamed(plan.format)
  if (Math.max(size.width, size.height) > target.maxSide) {
    throw new HeraldError(
      'HERALD_BAD_OPTION',
      `The sides of a ${target.name} picture are at most ${figure(target.maxSide)} pixels; this one would be ${figure(size.width)} × ${figure(size.height)}.`,
      { remedy: 'Request a smaller width or height, or another format such as png.' },
    )
  }
  const drawn = picture.scalable ? drawingSize(picture, plan) : size
  const pixels = Math.max(size.width * size.height * pages, drawn.width * drawn.height)
  if (pixels > maxPixels) {
    throw new HeraldError(
      'HERALD_TOO_MANY_PIXELS',
      `The ${target.name} rendition would have ${figure(pixels)} pixels${times}; this server makes at most ${figure(maxPixels)}.`,
      { remedy: 'Request a smaller width or height.' },
    )
  }
}

/** Refuses a document if more pages would be read than are allowed. */
export function refuseTooManyPages(pages: number, { maxPages }: EngineLimits): void {
  if (pages <= maxPages) return
  throw new HeraldError(
    'HERALD_TOO_MANY_PAGES',
    `The document has ${pages.toLocaleString('en')} pages; this server accepts at most ${maxPages.toLocaleString('en')}.`,
    { remedy: 'Request one of its pages, or split it.' },
  )
}

/** `page` counts from 0, the message from 1. Throws HERALD_BAD_OPTION if the file has no such page. */
export function refuseMissingPage(page: number | undefined, pages: number): void {
  if (page === undefined || page < pages) return
  const has =
    pages === 1 ? 'The file has one page or frame' : `The file has ${figure(pages)} pages or frames`
  throw new HeraldError('HERALD_BAD_OPTION', `${has}; number ${figure(page + 1)} was requested.`, {
    remedy: 'Request a page or frame that the file has. The first is 1.',
  })
}

/** libvips reads only one picture of an animated PNG or an AVIF sequence. */
export function refuseUnreadableFrame(
  page: number | undefined,
  pages: number,
  frames: number,
  format: string,
): void {
  if (page === undefined || page < pages || page >= frames) return
  throw new HeraldError(
    'HERALD_UNSUPPORTED_FILE',
    `This is an animated ${format.toUpperCase()} with ${figure(frames)} frames, of which this server can read only the first.`,
    { remedy: 'Request frame 1, or save it as an animated WebP or GIF.' },
  )
}

/** `what` continues "This BMP file …". */
export function damaged(what: string, format = 'BMP'): HeraldError {
  return new HeraldError('HERALD_CORRUPT_FILE', `This ${format} file ${what}.`, {
    remedy: 'Check that it opens in an image viewer; save or download it again.',
  })
}

/** Runs `read`; an attempt to read past the end means that the file is cut off. */
export function orCutOff<T>(format: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError) throw damaged('is cut off: its end is missing', format)
    throw error
  }
}
