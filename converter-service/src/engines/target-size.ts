import type { RenditionPlan } from './engine.js'

export interface Size {
  readonly width: number
  readonly height: number
}

/**
 * The size a picture of `source`'s size gets by `plan`, to within the rounding of a pixel.
 * Known before any pixel is read, so that too large a rendition is refused at no cost.
 */
export function targetSize(source: Size, plan: RenditionPlan, scalable: boolean): Size {
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

/** How much larger than its own size a drawing is drawn, so that nothing is scaled up after. */
export function drawingScale(source: Size, plan: RenditionPlan): number {
  const { width, height } = plan
  if (width === undefined && height === undefined) return 1
  const across = width === undefined ? undefined : width / source.width
  const down = height === undefined ? undefined : height / source.height
  if (across === undefined) return Math.max(1, down ?? 1)
  if (down === undefined) return Math.max(1, across)
  const covers = plan.fit === 'cover' || plan.fit === 'outside' || plan.fit === 'fill'
  return Math.max(1, covers ? Math.max(across, down) : Math.min(across, down))
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
