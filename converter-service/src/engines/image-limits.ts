import { HeraldError } from '@herald/proto/errors'
import { formatNamed } from '../formats.js'
import type { EngineLimits, RenditionPlan } from './engine.js'
import type { Picture } from './image-source.js'
import { drawingSize, targetSize } from './target-size.js'

const figure = (value: number) => Math.round(value).toLocaleString('en')

/** Refuses what would cost too much, before a pixel is read. */
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
      `The file has ${figure(pages)} pages or frames; this server takes ${figure(maxPages)}.`,
      { remedy: 'Split it, or ask for a format without animation, which takes the first frame.' },
    )
  }
  const times = pages > 1 ? ` × ${figure(pages)} frames` : ''
  // A drawing has no pixels before it is drawn.
  if (!picture.scalable && width * height * pages > maxPixels) {
    throw new HeraldError(
      'HERALD_TOO_MANY_PIXELS',
      `The picture has ${figure(width * height * pages)} pixels (${figure(width)} × ${figure(height)}${times}); this server takes ${figure(maxPixels)}.`,
      { remedy: 'Make it smaller before uploading it.' },
    )
  }
  const size = targetSize(picture, plan, picture.scalable)
  const target = formatNamed(plan.format)
  if (Math.max(size.width, size.height) > target.maxSide) {
    throw new HeraldError(
      'HERALD_BAD_OPTION',
      `A ${target.name} picture has sides of at most ${figure(target.maxSide)} pixels; this one would be ${figure(size.width)} × ${figure(size.height)}.`,
      { remedy: 'Ask for a smaller width or height, or for another format such as png.' },
    )
  }
  const drawn = picture.scalable ? drawingSize(picture, plan) : size
  const pixels = Math.max(size.width * size.height * pages, drawn.width * drawn.height)
  if (pixels > maxPixels) {
    throw new HeraldError(
      'HERALD_TOO_MANY_PIXELS',
      `The ${target.name} rendition would have ${figure(pixels)} pixels${times}; this server makes ${figure(maxPixels)}.`,
      { remedy: 'Ask for a smaller width or height.' },
    )
  }
}
