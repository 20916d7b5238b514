import { HeraldError } from '@herald/proto/errors'
import { type FormatDescription, formatNamed } from '../formats.js'
import type { RenditionPlan } from './engine.js'
import type { Picture } from './image-source.js'

const figure = (value: number) => value.toLocaleString('en')

/** How many frames are read together: all of them if the target plays them, else one. */
export function pagesToRead({ pages, format }: Picture, plan: RenditionPlan): number {
  return plan.page === undefined && format.animates && formatNamed(plan.format).animates ? pages : 1
}

/** Whether a rendition holds all pages of such a file: as an animation, or a TIFF of a TIFF. */
export function keepsPages(from: FormatDescription, to: FormatDescription): boolean {
  return (from.animates && to.animates) || (from.name === 'tiff' && to.name === 'tiff')
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
