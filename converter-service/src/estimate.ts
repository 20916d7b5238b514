import { defaultDpi } from '@herald/proto/rendition-options'
import type { Inspection, RenditionPlan } from './engines/engine.js'
import { effortOf } from './engines/image/encoders.js'
import { drawingOf, keepsPages, type Size, targetSize } from './engines/image/target-size.js'
import { formatNamed } from './formats.js'

/** What is known from a file's header about the work it makes. */
export interface SourceFacts extends Pick<Inspection, 'width' | 'height' | 'pages'> {
  readonly format: string
  readonly sizeBytes: number
}

export interface Estimate extends Size {
  /** In one rendition; width and height are of one page. */
  readonly pages: number
  /**
   * A rough guess at the processor time in milliseconds, wrong by a factor of two as a rule and of
   * ten at times. For progress bars, `--dry-run` and the order of conversions; it refuses nothing.
   */
  readonly ms: number
  /** 0 to 9; undefined if the format has none. */
  readonly effort?: number
}

/** The overhead of a task: a message to a child, a file to open. */
const taskMs = 5
/** The longest expected time of a short task. */
const maxShortMs = 500
/** The factor of time per step of effort. */
const effortFactors: Readonly<Record<string, number>> = { avif: 1.9, gif: 1.5 }
const usualEffortFactor = 1.2

/** Milliseconds per megapixel to read a format, and to write it at its default effort. */
const readMsPerMpx: Readonly<Record<string, number>> = {
  ...{ jpeg: 40, png: 15, webp: 60, avif: 90, gif: 15, tiff: 20, heic: 200 },
  ...{ bmp: 15, ico: 40, svg: 50, pdf: 60 },
}
const writeMsPerMpx: Readonly<Record<string, number>> = {
  ...{ jpeg: 10, png: 30, webp: 85, avif: 400, gif: 330, tiff: 30, pdf: 30 },
  ...{ 'png palette': 280, 'webp lossless': 440, 'avif lossless': 870 },
}
const otherMsPerMpx = 60

/** Predicts one rendition: its size is exact to a pixel, its time a guess. */
export function estimate(source: SourceFacts, plan: RenditionPlan): Estimate {
  const size = sizeOf(source, plan)
  const pages = pagesOf(source, plan)
  const effort = effortOf(plan)
  return {
    ...size,
    pages,
    ms: taskMs + pages * msPerPage(source, plan, size),
    ...(effort === undefined ? {} : { effort }),
  }
}

/** Whether a task on such a file is short; a drawing or a document may take any time. */
export function isShort(format: string, ms = taskMs): boolean {
  return formatNamed(format).content === 'pixels' && ms <= maxShortMs
}

function msPerPage(source: SourceFacts, plan: RenditionPlan, size: Size): number {
  // A page copied from one PDF to another is not drawn.
  if (plan.format === 'pdf' && formatNamed(source.format).content === 'sheets') return 1
  const { effort: _effort, ...usual } = plan
  const efforts = (effortOf(plan) ?? 0) - (effortOf(usual) ?? 0)
  const read = megapixels(source) * (readMsPerMpx[source.format] ?? otherMsPerMpx)
  const way = plan.lossless ? 'lossless' : plan.palette ? 'palette' : ''
  const rate = writeMsPerMpx[`${plan.format} ${way}`] ?? writeMsPerMpx[plan.format]
  const written = megapixels(size) * (rate ?? otherMsPerMpx)
  return read + written * (effortFactors[plan.format] ?? usualEffortFactor) ** efforts
}

/** Of one page, in pixels. */
function sizeOf(source: SourceFacts, plan: RenditionPlan): Size {
  const { width, height, format } = source
  const { content } = formatNamed(format)
  if (content !== 'sheets') return targetSize(source, plan, content === 'drawing')
  if (plan.format === 'pdf') return { width, height }
  const points = { width: (width * 72) / defaultDpi, height: (height * 72) / defaultDpi }
  const { size, rest } = drawingOf(points, plan)
  const { width: _width, height: _height, ...drawn } = plan
  return targetSize(size, { ...drawn, ...rest }, false)
}

function pagesOf({ format, pages }: SourceFacts, plan: RenditionPlan): number {
  if (plan.page !== undefined || plan.everyPage) return 1
  if (plan.format === 'pdf') return pages
  const from = formatNamed(format)
  const to = formatNamed(plan.format)
  if (from.content === 'sheets') return 1
  return keepsPages(from, to) ? pages : 1
}

const megapixels = ({ width, height }: Size) => (width * height) / 1e6
