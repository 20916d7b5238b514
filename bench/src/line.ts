import type { Absent, Bench, Bound, Comparison } from './bench.js'
import { type ComparisonResult, met } from './rounds.js'

/** One line of the result, as `--json` prints it. */
export interface Line {
  readonly bench: string
  readonly variant?: string
  readonly rival: string
  readonly ratio?: number
  readonly spread?: readonly [number, number]
  readonly floor?: string
  readonly goal?: string
  readonly met?: 'goal' | 'floor' | 'none'
  readonly ours?: number
  readonly theirs?: number
  readonly unit?: string
  readonly rounds?: number
  readonly guarantees?: { readonly ours: string; readonly theirs: string }
  readonly versions?: Readonly<Record<string, string>>
  /** The rival is not installed: why. */
  readonly absent?: string
  /** There is no way to install it. */
  readonly notInstallable?: true
  /** The work failed. */
  readonly error?: string
}

export function resultLine(
  bench: Bench,
  comparison: Comparison,
  outcome: ComparisonResult,
  versions: Readonly<Record<string, string>>,
): Line {
  const { variant, rival, floor, goal, unit, rivalGuarantees } = comparison
  const reached = met(outcome.ratio, comparison)
  return {
    bench: bench.name,
    ...(variant === undefined ? {} : { variant }),
    rival,
    ratio: rounded(outcome.ratio),
    spread: [rounded(outcome.spread[0]), rounded(outcome.spread[1])],
    ...(floor ? { floor: boundText(floor) } : {}),
    ...(goal ? { goal: boundText(goal) } : {}),
    ...(reached ? { met: reached } : {}),
    ours: rounded(outcome.ours),
    theirs: rounded(outcome.theirs),
    unit,
    rounds: outcome.rounds,
    guarantees: { ours: bench.guarantees, theirs: rivalGuarantees },
    versions: { ...versions, ...comparison.versions },
  }
}

export function absentLine(bench: Bench, entry: Absent): Line {
  return { bench: bench.name, ...entry }
}

/** Whether the rival is missing and could be installed. */
export const isInstallable = ({ absent, notInstallable }: Line) =>
  absent !== undefined && !notInstallable

export function errorLine(bench: Bench, rival: string, error: unknown): Line {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { bench: bench.name, rival, error: text }
}

const boundText = (bound: Bound) =>
  'atMost' in bound ? `<= ${bound.atMost}` : `>= ${bound.atLeast}`

/** To three significant digits, four from 1,000 on. */
const rounded = (figure: number) => Number(figure.toPrecision(figure >= 1000 ? 4 : 3))

const columns = ['bench', 'rival', 'ours', 'theirs', 'ratio', 'p10–p90', 'floor', 'goal', 'met']

/** The lines as a table. */
export function tableOf(lines: readonly Line[]): string {
  const rows = [columns, ...lines.map(cells)]
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  const table = rows.map((row) =>
    row
      .map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
  const notes = lines.flatMap(({ bench, rival, absent, error }) =>
    (absent ?? error) ? [`${bench}, ${rival}: ${absent ? `absent: ${absent}` : error}`] : [],
  )
  return [...table, ...(notes.length > 0 ? ['', ...notes] : [])].join('\n')
}

function cells(line: Line): string[] {
  const { bench, variant, rival, ours, theirs, unit, ratio, spread, floor, goal } = line
  const name = variant === undefined ? bench : `${bench} ${variant}`
  if (ratio === undefined) return [name, rival, line.absent ? 'absent' : 'FAILED']
  return [
    name,
    rival,
    `${ours} ${unit}`,
    `${theirs} ${unit}`,
    ratio.toFixed(2),
    spread?.map((edge) => edge.toFixed(2)).join('–') ?? '',
    floor ?? '',
    goal ?? '',
    line.met === 'none' ? 'NO' : (line.met ?? ''),
  ]
}
