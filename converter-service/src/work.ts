import { HeraldError } from '@herald/proto/errors'
import { type Capabilities, listNames } from './capabilities.js'
import type { RenditionPlan } from './engines/engine.js'
import { refuseTooLarge } from './engines/image/refusals.js'
import { type Estimate, estimate, type SourceFacts } from './estimate.js'
import { formatNamed } from './formats.js'
import { type Limits, maxRenditions } from './limits.js'

/** All renditions of one file. */
export interface Work {
  readonly renditions: readonly PlannedRendition[]
  /** The estimated time from the first start to the last end, in milliseconds. */
  readonly ms: number
}

export interface PlannedRendition {
  readonly plan: RenditionPlan
  readonly estimate: Estimate
}

export interface PlanningContext {
  readonly children: number
  readonly limits: Limits
  readonly capabilities: Capabilities
}

/**
 * The renditions to make of the file; one for each page if every page is requested. Throws
 * HeraldError for what no engine makes and for more pages or pixels than the limits allow.
 */
export function planWork(
  requested: readonly RenditionPlan[],
  source: SourceFacts,
  { capabilities, limits, children }: PlanningContext,
): Work {
  refuseTargets(requested, source.format, capabilities)
  refuseTooMany(requested, source.pages, limits)
  const renditions = requested
    .flatMap((plan) => expandPages(plan, source.pages))
    .map((plan) => ({ plan, estimate: estimate(source, plan) }))
  refuseLimits(renditions, source, limits)
  const times = renditions.map((rendition) => rendition.estimate.ms)
  const totalMs = times.reduce((sum, ms) => sum + ms, 0)
  return { renditions, ms: Math.max(...times, totalMs / children) }
}

function refuseTooMany(requested: readonly RenditionPlan[], pages: number, limits: Limits): void {
  const files = requested.reduce((sum, plan) => sum + (plan.everyPage ? pages : 1), 0)
  if (files <= Math.max(maxRenditions, limits.maxPages)) return
  throw new HeraldError(
    'HERALD_TOO_MANY_PAGES',
    `This would make ${files.toLocaleString('en')} renditions; this server makes at most ${limits.maxPages.toLocaleString('en')} of one file.`,
    { remedy: 'Request single pages.' },
  )
}

/** One plan for each page if every page is requested. */
function expandPages(plan: RenditionPlan, pages: number): RenditionPlan[] {
  if (!plan.everyPage) return [plan]
  return Array.from({ length: pages }, (_, page) => ({ ...plan, everyPage: false, page }))
}

/** Refuses before any work what the engine would refuse from the header alone. */
function refuseLimits(
  renditions: readonly PlannedRendition[],
  { format, width, height }: SourceFacts,
  limits: Limits,
): void {
  const { content } = formatNamed(format)
  // How large a sheet is drawn follows from the plan; its engine refuses that.
  if (content === 'sheets') return
  for (const { plan, estimate: expected } of renditions) {
    const picture = { width, height, scalable: content === 'drawing' }
    refuseTooLarge(picture, expected.pages, plan, limits)
  }
}

/** Refuses targets that no engine converts such a file to. */
function refuseTargets(
  requested: readonly RenditionPlan[],
  format: string,
  capabilities: Capabilities,
): void {
  const targets = capabilities.targetsOf(format)
  const unsupported = requested.find((each) => !targets.some(({ name }) => name === each.format))
  if (!unsupported) return
  throw new HeraldError(
    'HERALD_BAD_OPTION',
    `This server converts ${format} to ${listNames(targets)}, not to ${unsupported.format}.`,
    { remedy: 'Choose one of these.' },
  )
}
