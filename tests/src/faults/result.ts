/** The result of a scenario. */
export interface Result {
  readonly scenario: string
  /** The counts, by the name of their column. */
  readonly figures: Readonly<Record<string, number | string>>
  /** The messages of the checks that failed. */
  readonly failures: readonly string[]
  /** Why it could not be run here. */
  readonly leftOut?: string
  /** Further lines to print. */
  readonly notes?: readonly string[]
}

/** Collects the messages of failed checks. */
export function createChecks() {
  const failures: string[] = []
  return {
    failures,
    check(holds: boolean, otherwise: string) {
      if (!holds) failures.push(otherwise)
    },
  }
}

/** One row for each scenario: its figures, and whether all checks passed. */
export function tableOf(results: readonly Result[]): string {
  const columns = [...new Set(results.flatMap(({ figures }) => Object.keys(figures)))]
  const rows = [
    ['scenario', ...columns, 'passed'],
    ...results.map(({ scenario, figures, failures, leftOut }) => [
      scenario,
      ...columns.map((column) => String(figures[column] ?? '')),
      leftOut !== undefined ? 'left out' : failures.length === 0 ? 'yes' : 'NO',
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
