import { HeraldError } from '@herald/proto/errors'
import { type Abilities, listNames } from './abilities.js'
import { effortOf } from './engines/encoders.js'
import type { RenditionPlan } from './engines/engine.js'
import { refuseTooLarge } from './engines/image-limits.js'
import { type Estimate, estimate, type SourceFacts, targetCost } from './estimate.js'
import { formatNamed } from './formats.js'
import { describeBytes, type Limits, maxRenditions } from './limits.js'
import type { Speed } from './speed.js'
import { seconds } from './worker/budget.js'

/** Everything to be made of one file, and what it is expected to take. */
export interface Work {
  readonly pieces: readonly Piece[]
  /** From the first start to the last end, nothing else being there to do, in milliseconds. */
  readonly ms: number
  /** The same, did nobody else on this machine want the processor. */
  readonly leastMs: number
  /** Processor time, in milliseconds. */
  readonly cpuMs: number
  /** The most one worker would hold, in bytes. */
  readonly memoryBytes: number
  /** Nothing in the file makes it wrong. */
  readonly sure: boolean
}

export interface Piece {
  readonly plan: RenditionPlan
  readonly estimate: Estimate
}

export interface Means {
  readonly workers: number
  readonly speed: Speed
  readonly limits: Limits
  readonly abilities: Abilities
}

/** A wrong refusal is worse than a late one: what is refused is this many times too much. */
const refusalMargin = 3
const memoryMargin = 1.5
/** Of a drawing or a document the header tells little. */
const unsureMargin = 10
/** Effort is lowered before the time is quite spent: the estimate is no more than one. */
const effortMargin = 0.7

/**
 * What is to be made of the file. Where only less effort fits the time, and the caller left it
 * open, effort is lowered. Throws HeraldError for what no engine makes and for too many renditions.
 */
export function planWork(asked: readonly RenditionPlan[], source: SourceFacts, means: Means): Work {
  refuseTargets(asked, source.format, means.abilities)
  const files = asked.reduce((sum, plan) => sum + (plan.everyPage ? source.pages : 1), 0)
  const { maxPages, timeoutMs } = means.limits
  if (files > Math.max(maxRenditions, maxPages)) {
    throw new HeraldError(
      'HERALD_TOO_MANY_PAGES',
      `${files.toLocaleString('en')} renditions would be made; this server makes ${maxPages.toLocaleString('en')}.`,
      { remedy: 'Ask for single pages.' },
    )
  }
  const open = new Set(asked.filter(({ effort }) => effort === undefined).map(({ index }) => index))
  let plans = asked.flatMap((plan) => spread(plan, source.pages))
  for (;;) {
    const work = weigh(plans, source, means)
    refuseLimits(work, source, means)
    const eased = work.ms > timeoutMs * effortMargin ? ease(plans, open) : undefined
    if (!eased) return work
    plans = eased
  }
}

/** Why it is hopeless to begin; undefined where it is not. */
export function hopeless(work: Work, { limits, workers }: Means): HeraldError | undefined {
  const { timeoutMs, cpuMs, memoryBytes } = limits
  const about = work.sure ? 'about ' : 'perhaps '
  const margin = work.sure ? refusalMargin : unsureMargin
  if (work.leastMs > timeoutMs * margin) {
    const at = workers > 1 && work.pieces.length > 1 ? ` on ${workers} workers` : ''
    return new HeraldError(
      'HERALD_TIMEOUT',
      `This would take ${about}${seconds(work.leastMs)}${at}; this server gives a conversion ${seconds(timeoutMs)}.`,
      { remedy: remedyFor(work) },
    )
  }
  if (work.cpuMs > cpuMs * margin) {
    return new HeraldError(
      'HERALD_TIMEOUT',
      `This would use ${about}${seconds(work.cpuMs)} of processor time; this server gives a conversion ${seconds(cpuMs)}.`,
      { remedy: remedyFor(work) },
    )
  }
  if (work.memoryBytes > memoryBytes * memoryMargin) {
    return new HeraldError(
      'HERALD_TOO_MUCH_MEMORY',
      `This would take ${about}${describeBytes(Math.round(work.memoryBytes))} of memory; this server gives a worker ${describeBytes(memoryBytes)}.`,
      { remedy: 'Make the picture smaller, or ask for a smaller rendition.' },
    )
  }
  return undefined
}

function remedyFor({ pieces }: Work): string {
  if (pieces.some(({ plan }) => (plan.effort ?? 0) > 2)) return 'Ask for less effort.'
  return pieces.length > 1
    ? 'Ask for fewer or smaller renditions.'
    : 'Ask for a smaller width, or for a format that is quicker to make, such as jpeg or webp.'
}

function weigh(plans: readonly RenditionPlan[], source: SourceFacts, means: Means): Work {
  const { cpuFactor, factor } = means.speed
  const pieces = plans.map((plan) => ({ plan, estimate: estimate(source, plan) }))
  const all = pieces.reduce((sum, piece) => sum + piece.estimate.ms, 0)
  const longest = Math.max(...pieces.map((piece) => piece.estimate.ms))
  return {
    pieces,
    ms: Math.max(longest, all / means.workers) * factor,
    leastMs: Math.max(longest, all / means.workers) * cpuFactor,
    cpuMs: all * cpuFactor,
    memoryBytes: Math.max(...pieces.map((piece) => piece.estimate.memoryBytes)),
    sure: pieces.every((piece) => piece.estimate.sure),
  }
}

/** The same with one effort less where that is `open`, by index; undefined where none is left. */
function ease(
  plans: readonly RenditionPlan[],
  open: ReadonlySet<number>,
): RenditionPlan[] | undefined {
  let eased = false
  const all = plans.map((plan) => {
    const effort = effortOf(plan) ?? 0
    const { efforts = [] } = targetCost(plan)
    const isFaster = (efforts[effort - 1] ?? 1) < (efforts[effort] ?? 1)
    if (!open.has(plan.index) || !isFaster) return plan
    eased = true
    return { ...plan, effort: effort - 1 }
  })
  return eased ? all : undefined
}

/** One plan for each page, where that is asked for. */
function spread(plan: RenditionPlan, pages: number): RenditionPlan[] {
  if (!plan.everyPage) return [plan]
  return Array.from({ length: pages }, (_, page) => ({ ...plan, everyPage: false, page }))
}

/** Refuses at once what the engine would refuse, so that it says so and not that it takes long. */
function refuseLimits(
  { pieces }: Work,
  { format, width, height }: SourceFacts,
  means: Means,
): void {
  const { name, engine } = formatNamed(format)
  if (engine !== 'image') return
  for (const { plan, estimate: expected } of pieces) {
    const picture = { width, height, scalable: name === 'svg' }
    refuseTooLarge(picture, expected.pages, plan, means.limits)
  }
}

/** Refuses what no engine makes of this kind of file. */
function refuseTargets(
  asked: readonly RenditionPlan[],
  format: string,
  abilities: Abilities,
): void {
  const targets = abilities.targetsOf(format)
  const wrong = asked.find((each) => !targets.some(({ name }) => name === each.format))
  if (!wrong) return
  throw new HeraldError(
    'HERALD_BAD_OPTION',
    `This server makes no ${wrong.format} of ${format}; it makes ${listNames(targets)}.`,
    { remedy: 'Choose one of these.' },
  )
}
