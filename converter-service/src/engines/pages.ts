import { HeraldError } from '@herald/proto/errors'
import { formatNamed } from '../formats.js'
import type { RenditionPlan } from './engine.js'
import type { Picture } from './image-source.js'

const figure = (value: number) => value.toLocaleString('en')

/**
 * How many pages, from the one that was opened on: all frames where the target plays them, all
 * pages from TIFF to TIFF, else one.
 */
export function pagesToRead(picture: Picture, plan: RenditionPlan): number {
  const { pages, format } = picture
  if (pages === 1 || plan.page !== undefined) return 1
  if (format.animates && formatNamed(plan.format).animates) return pages
  return format.name === 'tiff' && plan.format === 'tiff' && picture.pagesAreAlike ? pages : 1
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

/** Of an animated PNG and of an AVIF sequence libvips reads one picture alone. */
export function refuseUnreadableFrame(
  page: number | undefined,
  pages: number,
  frames: number,
  format: string,
): void {
  if (page === undefined || page < pages || page >= frames) return
  throw new HeraldError(
    'HERALD_UNSUPPORTED_FILE',
    `This is an animated ${format.toUpperCase()} with ${figure(frames)} frames, of which only the first can be read here.`,
    { remedy: 'Request frame 1, or save it as an animated WebP or GIF.' },
  )
}
