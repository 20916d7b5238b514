import type { RenditionPlan } from './engine.js'

export interface Size {
  readonly width: number
  readonly height: number
}

/**
 * The size a picture of `upright`'s size gets by `plan`, to within the rounding of a pixel.
 * Known before any pixel is read, so that too large a rendition is refused at no cost.
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

/** The size to draw a drawing at, before it is turned, so that nothing is scaled up afterwards. */
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

/** The box around a picture that was turned by so many degrees. */
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
