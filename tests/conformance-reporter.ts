import type { Reporter, TestCase, TestModule } from 'vitest/node'

const suite = /(?:^| > )conformance: ([^>]+?) > (.+)$/
const marks = { passed: 'yes', failed: 'NO', skipped: '–', pending: '–' } as const

/** Prints a table of the conformance suite: each case, each driver. */
export default class ConformanceReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const drivers = new Set<string>()
    const rows = new Map<string, Map<string, string>>()
    for (const test of modules.flatMap((module) => [...module.children.allTests()])) {
      const [, driver, name] = suite.exec(test.fullName) ?? []
      if (driver === undefined || name === undefined) continue
      drivers.add(driver)
      const row = rows.get(name) ?? new Map<string, string>()
      rows.set(name, row.set(driver, cell(test)))
    }
    if (rows.size === 0) return
    const columns = [...drivers]
    const widths = columns.map((driver) => Math.max(driver.length, 11))
    const first = Math.max(...[...rows.keys()].map((name) => name.length))
    const line = (name: string, cells: readonly string[]) =>
      `  ${name.padEnd(first)}  ${cells.map((text, column) => text.padEnd(widths[column] ?? 0)).join('  ')}`
    console.log('\nConformance of the broker drivers:')
    console.log(line('', columns))
    for (const [name, row] of rows) {
      console.log(
        line(
          name,
          columns.map((driver) => row.get(driver) ?? ''),
        ),
      )
    }
  }
}

function cell(test: TestCase): string {
  const took = test.diagnostic()?.duration
  const mark = marks[test.result().state]
  return took === undefined || mark === '–' ? mark : `${mark} ${(took / 1000).toFixed(1)} s`
}
