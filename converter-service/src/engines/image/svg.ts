import { readFile } from 'node:fs/promises'
import { HeraldError } from '@herald/proto/errors'
import { formatNamed } from '../../formats.js'
import type { Slowness } from '../engine.js'
import type { Picture } from './picture.js'
import { damaged, refuseMissingPage } from './refusals.js'
import { type SharpOptions, sharp } from './sharp.js'
import { countPoints, normalizeSvg, rootAttributes, withRootAttributes } from './svg-text.js'
import type { Size } from './target-size.js'

/** Pixels per unit, by CSS Values 4 §6. The root element has the default font size of 16 px. */
const pixelsPerUnit: Readonly<Record<string, number>> = {
  ...{ '': 1, px: 1, in: 96, cm: 96 / 2.54, mm: 96 / 25.4, q: 96 / 101.6 },
  ...{ pt: 96 / 72, pc: 16, em: 16, rem: 16, ex: 8 },
}
/** At 96 dots per inch libvips enlarges everything by 96 / 72, which is right for millimetres only. */
const density = 96
const enlargement = 96 / 72
/** Less than libvips can represent. */
const maxSide = 1_000_000
/** libxml2 rejects longer attributes unless `unlimited` is set; entities stay bounded. */
const largeBytes = 10_000_000
/** A timeout mentions the points of a drawing from this number on. */
const manyPoints = 10_000

/** Opens a drawing. `read` draws it at `options.drawnSize`, by default its own size. */
export async function openSvg(path: string, page?: number): Promise<Picture> {
  refuseMissingPage(page, 1)
  const svg = await normalizeSvg(await readFile(path))
  const options: SharpOptions = {
    failOn: 'error',
    density,
    unlimited: svg.length >= largeBytes,
    // `refuseTooLarge` bounds the size of what is drawn.
    limitInputPixels: false,
  }
  const attributes = rootAttributes(svg)
  const stated = statedSize(attributes)
  if (stated && Math.max(stated.width, stated.height) > maxSide) throw tooLarge(stated)
  const { density: _density, ...metadata } = await sharp(svg, options).metadata()
  const exact = stated ?? sizeOfContent(metadata)
  const size = {
    width: Math.max(1, Math.round(exact.width)),
    height: Math.max(1, Math.round(exact.height)),
  }
  return {
    format: formatNamed('svg'),
    metadata,
    ...size,
    pages: 1,
    frames: 1,
    scalable: true,
    slowness: () => slownessOf(svg),
    read: async ({ drawnSize = size }) => {
      const factor = Math.max(drawnSize.width / size.width, drawnSize.height / size.height)
      // sharp itself would scale inexactly, as it rounds the size of small drawings first.
      const drawing = withRootAttributes(svg, {
        width: String((exact.width * factor) / enlargement),
        height: String((exact.height * factor) / enlargement),
        viewBox: attributes.get('viewBox') ?? `0 0 ${exact.width} ${exact.height}`,
      })
      return sharp(drawing, options).resize({ ...drawnSize, fit: 'fill' })
    },
  }
}

/** The time to draw a line depends on how often it crosses itself, so points alone are not refused. */
function slownessOf(svg: Buffer): Slowness | undefined {
  const points = countPoints(svg)
  if (points < manyPoints) return undefined
  return {
    reason: `Its paths have about ${points.toLocaleString('en')} points, which take long to draw.`,
    remedy: 'Simplify its paths, or export the drawing as PNG.',
  }
}

/** The size by width and height, in pixels and not rounded, if both are absolute. */
function statedSize(attributes: ReadonlyMap<string, string>): Size | undefined {
  const [width, height] = (['width', 'height'] as const).map((side) => {
    const value = attributes.get(side) ?? ''
    const [, number, unit = ''] = /^\s*([+-]?[\d.]+(?:e[+-]?\d+)?)([a-z]*)\s*$/i.exec(value) ?? []
    const pixels = Number(number) * (pixelsPerUnit[unit.toLowerCase()] ?? Number.NaN)
    if (pixels <= 0) throw damaged(`has a ${side} of ${value.trim()}`, 'SVG')
    return Number.isNaN(pixels) ? undefined : pixels
  })
  return width && height ? { width, height } : undefined
}

/** By the viewBox, else the extent of the drawing. */
function sizeOfContent({ width, height }: Size): Size {
  // libvips has already rounded it, to 1/72 inch.
  const size = {
    width: Math.round(width / enlargement),
    height: Math.round(height / enlargement),
  }
  if (size.width > 1 || size.height > 1) return size
  throw new HeraldError(
    'HERALD_CORRUPT_FILE',
    'This SVG file has no size of its own: no width and height, no viewBox, and only relative lengths.',
    { remedy: 'Give its svg element a width and a height, or a viewBox.' },
  )
}

function tooLarge({ width, height }: Size): HeraldError {
  const figure = (value: number) => Math.round(value).toLocaleString('en')
  return new HeraldError(
    'HERALD_TOO_MANY_PIXELS',
    `This SVG file is ${figure(width)} × ${figure(height)} pixels; the longest side that can be drawn is ${figure(maxSide)}.`,
    { remedy: 'Give its svg element a smaller width and height, and a viewBox.' },
  )
}
