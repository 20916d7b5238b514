import type { Bound, Comparison } from './bench.js'

export interface ComparisonResult {
  /** Medians, in the comparison's unit. */
  readonly ours: number
  readonly theirs: number
  /** The median of the rounds' ratios ours : theirs, and their 10th and 90th percentile. */
  readonly ratio: number
  readonly spread: readonly [number, number]
  readonly rounds: number
}

/**
 * Measures both in turn, so that other load on the machine affects both; each round begins with the
 * other one. The first measurement of each is a warm-up and does not count.
 */
export async function compare(
  comparison: Comparison,
  rounds: number,
  warmUp = true,
): Promise<ComparisonResult> {
  if (warmUp) {
    await comparison.ours()
    await comparison.theirs()
  }
  const ours: number[] = []
  const theirs: number[] = []
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      ours.push(await comparison.ours())
      theirs.push(await comparison.theirs())
    } else {
      theirs.push(await comparison.theirs())
      ours.push(await comparison.ours())
    }
  }
  const ratios = ours.map((figure, round) => figure / (theirs[round] as number))
  return {
    ours: percentile(ours, 50),
    theirs: percentile(theirs, 50),
    ratio: percentile(ratios, 50),
    spread: [percentile(ratios, 10), percentile(ratios, 90)],
    rounds,
  }
}

/** Interpolates linearly. `figures` has at least one. */
export function percentile(figures: readonly number[], percent: number): number {
  const sorted = [...figures].sort((one, other) => one - other)
  const at = ((sorted.length - 1) * percent) / 100
  const below = sorted[Math.floor(at)] as number
  const above = sorted[Math.ceil(at)] as number
  return below + (above - below) * (at - Math.floor(at))
}

const isWithin = (ratio: number, bound: Bound): boolean =>
  'atMost' in bound ? ratio <= bound.atMost : ratio >= bound.atLeast

/** The better bound that is met; undefined if there are no bounds. */
export function met(
  ratio: number,
  { floor, goal }: Comparison,
): 'goal' | 'floor' | 'none' | undefined {
  if (goal && isWithin(ratio, goal)) return 'goal'
  if (floor && isWithin(ratio, floor)) return 'floor'
  return floor || goal ? 'none' : undefined
}
