import { effortOf } from './engines/encoders.js'
import type { Inspection, RenditionPlan } from './engines/engine.js'
import { targetSize } from './engines/target-size.js'
import { estimatePages } from './estimate-pages.js'
import { type CostTable, costTable, type SourceCost, type TargetCost } from './estimate-table.js'
import { findFormat } from './formats.js'

/** What a file's header tells about the work it makes. */
export interface SourceFacts extends Pick<Inspection, 'width' | 'height' | 'pages'> {
  readonly format: string
  readonly sizeBytes: number
}

/** What one rendition would be and cost on the machine the table was measured on. */
export interface Estimate {
  /** Of one page. */
  readonly width: number
  readonly height: number
  readonly pages: number
  /** Processor time of one worker, in milliseconds. */
  readonly ms: number
  /** The most the worker would hold, in bytes. */
  readonly memoryBytes: number
  /** 0 to 9; undefined where the format has none. */
  readonly effort?: number
  /** The header tells enough; of a drawing or a document it does not. */
  readonly sure: boolean
}

/** A child without any work: measured. */
const bareMemory = 75 * 1024 ** 2
/** How often the quality is tried that keeps a limit of bytes. */
const qualityTries = 6

const unknownSource: SourceCost = { msPerMpx: 60, msPerMB: 30, memory: 8, unsure: true }
const unknownTarget: TargetCost = {
  msPerMpx: 50,
  msPerMpxOfTexture: 100,
  msPerMpxOfDetail: 100,
  memory: 12,
}

/** Predicts what it takes to make that rendition of that file. */
export function estimate(
  source: SourceFacts,
  plan: RenditionPlan,
  table: CostTable = costTable,
): Estimate {
  return (
    estimatePages(source, plan, (from, wish) => estimatePicture(from, wish, table)) ??
    estimatePicture(source, plan, table)
  )
}

function estimatePicture(source: SourceFacts, plan: RenditionPlan, table: CostTable): Estimate {
  const to = targetCost(plan, table)
  const pages = pagesRead(source, plan)
  const size = targetSize(source, plan, source.format === 'svg')
  const from = sourceCost(source, size, table)
  const read = megapixels(source) * pages
  const written = megapixels(size) * pages
  const changed = size.width !== source.width || size.height !== source.height
  const effort = effortOf(plan)
  const detail = detailOf(source, from)
  const perMpx =
    to.msPerMpx + to.msPerMpxOfTexture * textureOf(detail) + to.msPerMpxOfDetail * detail
  const encodeMs = perMpx * written * effortFactor(to, effort)
  const ms =
    table.taskMs +
    from.msPerMpx * read +
    (from.msPerMB * source.sizeBytes * (pages / source.pages)) / 1e6 +
    (changed ? table.resizeMsPerMpx * read : 0) +
    encodeMs * (plan.maxBytes === undefined ? 1 : qualityTries)
  const memoryBytes = bareMemory + (from.memory * read + to.memory * written) * 1e6
  return {
    ...size,
    pages,
    ms,
    memoryBytes,
    ...(effort === undefined ? {} : { effort }),
    sure: !from.unsure,
  }
}

/** Some decoders read a picture that is to become much smaller at a fraction of its size. */
export function sourceCost(
  { format, width, height }: SourceFacts,
  size: { width: number; height: number },
  table: CostTable = costTable,
): SourceCost {
  const shrinks = Math.min(width / size.width, height / size.height) >= 2
  const shrunk = shrinks ? table.sources[`${format} shrunk`] : undefined
  return shrunk ?? table.sources[format] ?? unknownSource
}

/** How full of detail the picture is, 0 to 1, as far as the size of its file tells. */
export function detailOf(
  { width, height, pages, sizeBytes }: SourceFacts,
  cost: SourceCost,
): number {
  if (cost.busyBits === undefined) return usualDetail
  return Math.min(1, (sizeBytes * 8) / (width * height * pages) / cost.busyBits)
}
const usualDetail = 0.4

/** Whether it is more than flat, 0 to 1: for some encoders that is what counts. */
export function textureOf(detail: number): number {
  return Math.min(1, detail * 15)
}

/** All frames where the target plays them, all pages where it holds them, else one. */
function pagesRead({ format, pages }: SourceFacts, plan: RenditionPlan): number {
  if (plan.page !== undefined || plan.everyPage) return 1
  const from = findFormat(format)
  const to = findFormat(plan.format)
  return (from?.animates && to?.animates) || (from?.paged && to?.paged) ? pages : 1
}

export function targetCost(plan: RenditionPlan, table: CostTable = costTable): TargetCost {
  const way = plan.lossless ? 'lossless' : plan.palette ? 'palette' : ''
  return table.targets[`${plan.format} ${way}`] ?? table.targets[plan.format] ?? unknownTarget
}

function effortFactor({ efforts = [] }: TargetCost, effort: number | undefined): number {
  return effort === undefined ? 1 : (efforts[effort] ?? 1)
}

const megapixels = ({ width, height }: { width: number; height: number }) => (width * height) / 1e6
