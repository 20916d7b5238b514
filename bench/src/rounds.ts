import type { Bound, Contest } from './bench.js'

export interface Outcome {
  /** Medians, in the contest's unit. */
  readonly ours: number
  readonly theirs: number
  /** The median of the rounds' ratios ours : theirs, and their 10th and 90th percentile. */
  readonly ratio: number
  readonly spread: readonly [number, number]
  readonly rounds: number
}

/**
 * Lets both work in turn, so that what else the machine does falls on both; who begins changes
 * with each round. The first time of each warms up and does not count, except in a short run.
 */
export async function holdContest(
  contest: Contest,
  rounds: number,
  warmUp = true,
): Promise<Outcome> {
  if (warmUp) {
    await contest.ours()
    await contest.theirs()
  }
  const ours: number[] = []
  const theirs: number[] = []
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      ours.push(await contest.ours())
      theirs.push(await contest.theirs())
    } else {
      theirs.push(await contest.theirs())
      ours.push(await contest.ours())
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

/** Linear between the two nearest; of at least one figure. */
export function percentile(figures: readonly number[], percent: number): number {
  const sorted = [...figures].sort((one, other) => one - other)
  const at = ((sorted.length - 1) * percent) / 100
  const below = sorted[Math.floor(at)] as number
  const above = sorted[Math.ceil(at)] as number
  return below + (above - below) * (at - Math.floor(at))
}

const keeps = (ratio: number, bound: Bound): boolean =>
  'atMost' in bound ? ratio <= bound.atMost : ratio >= bound.atLeast

/** The best that is met; undefined where there is nothing to meet. */
export function met(
  ratio: number,
  { floor, goal }: Contest,
): 'goal' | 'floor' | 'none' | undefined {
  if (goal && keeps(ratio, goal)) return 'goal'
  if (floor && keeps(ratio, floor)) return 'floor'
  return floor || goal ? 'none' : undefined
}
