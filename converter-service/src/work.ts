import { HeraldError } from '@herald/proto/errors'
import { type Abilities, listNames } from './abilities.js'
import type { RenditionPlan } from './engines/engine.js'
import { refuseTooLarge } from './engines/refusals.js'
import { type Estimate, estimate, type SourceFacts } from './estimate.js'
import { formatNamed } from './formats.js'
import { type Limits, maxRenditions } from './limits.js'

/** All renditions of one file. */
export interface Work {
  readonly pieces: readonly Piece[]
  /** A guess at the time from the first start to the last end, in milliseconds. */
  readonly ms: number
}

export interface Piece {
  readonly plan: RenditionPlan
  readonly estimate: Estimate
}

export interface PlanningContext {
  readonly workers: number
  readonly limits: Limits
  readonly abilities: Abilities
}

/**
 * What is to be made of the file: one piece for each rendition, or for each of its pages. Throws
 * HeraldError for what no engine makes and for more pages or pixels than the limits allow.
 */
export function planWork(
  asked: readonly RenditionPlan[],
  source: SourceFacts,
  { abilities, limits, workers }: PlanningContext,
): Work {
  refuseTargets(asked, source.format, abilities)
  refuseTooMany(asked, source.pages, limits)
  const pieces = asked
    .flatMap((plan) => expandPages(plan, source.pages))
    .map((plan) => ({ plan, estimate: estimate(source, plan) }))
  refuseLimits(pieces, source, limits)
  const times = pieces.map((piece) => piece.estimate.ms)
  const all = times.reduce((sum, ms) => sum + ms, 0)
  return { pieces, ms: Math.max(...times, all / workers) }
}

function refuseTooMany(asked: readonly RenditionPlan[], pages: number, limits: Limits): void {
  const files = asked.reduce((sum, plan) => sum + (plan.everyPage ? pages : 1), 0)
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
  pieces: readonly Piece[],
  { format, width, height }: SourceFacts,
  limits: Limits,
): void {
  const { content } = formatNamed(format)
  // How large a sheet is drawn follows from the plan; its engine refuses that.
  if (content === 'sheets') return
  for (const { plan, estimate: expected } of pieces) {
    const picture = { width, height, scalable: content === 'drawing' }
    refuseTooLarge(picture, expected.pages, plan, limits)
  }
}

/** Refuses targets that no engine converts such a file to. */
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
    `This server converts ${format} to ${listNames(targets)}, not to ${wrong.format}.`,
    { remedy: 'Choose one of these.' },
  )
}
