/** How a scenario ended. */
export interface Result {
  readonly scenario: string
  /** What was counted, by the name of its column. */
  readonly figures: Readonly<Record<string, number | string>>
  /** The promises that were not kept. */
  readonly faults: readonly string[]
  /** What else is to be said, a line each. */
  readonly notes?: readonly string[]
}

/** Gathers what was promised and did not hold. */
export function promises() {
  const faults: string[] = []
  return {
    faults,
    hold(holds: boolean, otherwise: string) {
      if (!holds) faults.push(otherwise)
    },
  }
}

/** One line a scenario: its figures, and whether all was kept. */
export function tableOf(results: readonly Result[]): string {
  const columns = [...new Set(results.flatMap(({ figures }) => Object.keys(figures)))]
  const rows = [
    ['scenario', ...columns, 'kept'],
    ...results.map(({ scenario, figures, faults }) => [
      scenario,
      ...columns.map((column) => String(figures[column] ?? '')),
      faults.length === 0 ? 'yes' : 'NO',
    ]),
  ]
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, at) =>
          at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0),
        )
        .join('  '),
    )
    .join('\n')
}
