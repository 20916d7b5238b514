import { defaultDpi } from '@herald/proto/rendition-options'
import type { RenditionPlan } from './engine.js'
import type { Size } from './target-size.js'

type DrawOptions = Pick<RenditionPlan, 'width' | 'height' | 'fit' | 'rotate' | 'dpi'>

export interface PageDrawing {
  /** What to draw, in pixels: nothing is scaled after. */
  readonly size: Size
  /** What is left to do to the drawing: to crop it, or to fill up around it. */
  readonly rest: Partial<Pick<RenditionPlan, 'width' | 'height' | 'enlarge'>>
}

/** How to draw a page, given in points of 1/72 inch, so that it has the size that the plan asks for. */
export function drawingOf(page: Size, plan: DrawOptions): PageDrawing {
  const { width, height, fit, rotate, dpi = defaultDpi } = plan
  if (width === undefined && height === undefined) return { size: times(page, dpi / 72), rest: {} }
  const box = {
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
  }
  // The box is meant for the turned page. By an odd angle its size is not the page's any more.
  if (rotate % 90 !== 0) return { size: times(page, dpi / 72), rest: { ...box, enlarge: true } }
  const [across, down] = rotate % 180 === 0 ? [width, height] : [height, width]
  if (across === undefined || down === undefined) {
    return { size: times(page, across ? across / page.width : (down ?? 1) / page.height), rest: {} }
  }
  const [least, most] = [across / page.width, down / page.height].sort((a, b) => a - b) as [
    number,
    number,
  ]
  switch (fit) {
    case 'inside':
      return { size: times(page, least), rest: {} }
    case 'outside':
      return { size: times(page, most), rest: {} }
    case 'fill':
      return { size: { width: across, height: down }, rest: {} }
    case 'contain':
      return { size: times(page, least), rest: { ...box, enlarge: true } }
    case 'cover':
      return { size: times(page, most), rest: { ...box, enlarge: true } }
  }
}

function times({ width, height }: Size, factor: number): Size {
  return {
    width: Math.max(1, Math.round(width * factor)),
    height: Math.max(1, Math.round(height * factor)),
  }
}
