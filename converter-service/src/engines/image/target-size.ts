import { defaultDpi } from '@herald/proto/rendition-options'
import { type FormatDescription, formatNamed } from '../../formats.js'
import type { RenditionPlan } from '../engine.js'

export interface Size {
  readonly width: number
  readonly height: number
}

/**
 * The size a picture of `upright`'s size gets by `plan`, to within the rounding of a pixel.
 * Known before any pixel is read, so that a rendition that is too large is refused at no cost.
 */
export function targetSize(upright: Size, plan: RenditionPlan, scalable: boolean): Size {
  const source = turnedSize(upright, plan.rotate)
  const { width, height } = plan
  if (width === undefined && height === undefined) return source
  const mayGrow = plan.enlarge || scalable
  if (width === undefined || height === undefined) {
    const factor = width === undefined ? (height ?? 1) / source.height : width / source.width
    return scaled(source, mayGrow ? factor : Math.min(1, factor))
  }
  const across = width / source.width
  const down = height / source.height
  switch (plan.fit) {
    case 'inside':
      return scaled(source, limit(Math.min(across, down), mayGrow))
    case 'outside':
      return scaled(source, limit(Math.max(across, down), mayGrow))
    case 'contain':
      return { width, height }
    case 'cover':
    case 'fill':
      return mayGrow
        ? { width, height }
        : { width: Math.min(width, source.width), height: Math.min(height, source.height) }
  }
}

/** The size to render a drawing at, before rotation, so that nothing is enlarged afterwards. */
export function drawingSize(upright: Size, plan: RenditionPlan): Size {
  const source = turnedSize(upright, plan.rotate)
  const { width, height, fit } = plan
  if (width === undefined && height === undefined) return upright
  const across = width === undefined ? undefined : width / source.width
  const down = height === undefined ? undefined : height / source.height
  const factors = [across ?? down ?? 1, down ?? across ?? 1]
  const isLarger = fit === 'cover' || fit === 'outside' || fit === 'fill'
  return scaled(upright, isLarger ? Math.max(...factors) : Math.min(...factors))
}

/** The bounding box of a rotated picture. */
function turnedSize({ width, height }: Size, degrees: number): Size {
  if (degrees === 0 || degrees === 180) return { width, height }
  if (degrees % 90 === 0) return { width: height, height: width }
  const angle = (degrees * Math.PI) / 180
  const across = Math.abs(Math.cos(angle))
  const down = Math.abs(Math.sin(angle))
  return {
    width: Math.round(width * across + height * down),
    height: Math.round(width * down + height * across),
  }
}

function limit(factor: number, mayGrow: boolean): number {
  return mayGrow ? factor : Math.min(1, factor)
}

function scaled({ width, height }: Size, factor: number): Size {
  return {
    width: Math.max(1, Math.round(width * factor)),
    height: Math.max(1, Math.round(height * factor)),
  }
}

type DrawOptions = Pick<RenditionPlan, 'width' | 'height' | 'fit' | 'rotate' | 'dpi'>

interface PageDrawing {
  /** The size to draw at, in pixels: the drawing is not scaled afterwards. */
  readonly size: Size
  /** What remains to be done: to crop the drawing, or to pad it. */
  readonly rest: Partial<Pick<RenditionPlan, 'width' | 'height' | 'enlarge'>>
}

/** How to draw a page, given in points of 1/72 inch, so that it has the size that the plan asks for. */
export function drawingOf(page: Size, plan: DrawOptions): PageDrawing {
  const { width, height, fit, rotate, dpi = defaultDpi } = plan
  if (width === undefined && height === undefined) return { size: scaled(page, dpi / 72), rest: {} }
  const box = {
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
  }
  // The box is for the rotated page, whose sides after another angle are not those of the page.
  if (rotate % 90 !== 0) return { size: scaled(page, dpi / 72), rest: { ...box, enlarge: true } }
  const [across, down] = rotate % 180 === 0 ? [width, height] : [height, width]
  if (across === undefined || down === undefined) {
    return {
      size: scaled(page, across ? across / page.width : (down ?? 1) / page.height),
      rest: {},
    }
  }
  const [least, most] = [across / page.width, down / page.height].sort((a, b) => a - b) as [
    number,
    number,
  ]
  switch (fit) {
    case 'inside':
      return { size: scaled(page, least), rest: {} }
    case 'outside':
      return { size: scaled(page, most), rest: {} }
    case 'fill':
      return { size: { width: across, height: down }, rest: {} }
    case 'contain':
      return { size: scaled(page, least), rest: { ...box, enlarge: true } }
    case 'cover':
      return { size: scaled(page, most), rest: { ...box, enlarge: true } }
  }
}

/** How many frames are read together: all if the target is animated, else one. */
export function pagesToRead(
  { pages, format }: { readonly pages: number; readonly format: FormatDescription },
  plan: RenditionPlan,
): number {
  return plan.page === undefined && format.animates && formatNamed(plan.format).animates ? pages : 1
}

/** Whether a rendition has all pages of such a file: an animation, or a TIFF made from a TIFF. */
export function keepsPages(from: FormatDescription, to: FormatDescription): boolean {
  return (from.animates && to.animates) || (from.name === 'tiff' && to.name === 'tiff')
}
