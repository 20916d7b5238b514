import type { Reporter, TestCase, TestModule } from 'vitest/node'

const pair = /(?:^| > )matrix: ([^>]+?) > becomes (.+)$/
const marks = { passed: 'yes', failed: 'NO', skipped: '–', pending: '–' } as const

/** Prints which formats were converted to which, and the programs that opened the results. */
export default class MatrixReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = new Map<string, Map<string, string>>()
    const openers = new Map<string, Set<string>>()
    for (const test of modules.flatMap((module) => [...module.children.allTests()])) {
      const [, from, to] = pair.exec(test.fullName) ?? []
      if (from === undefined || to === undefined) continue
      rows.set(from, (rows.get(from) ?? new Map()).set(to, marks[test.result().state]))
      const names = openers.get(to) ?? new Set()
      for (const name of openedBy(test)) names.add(name)
      openers.set(to, names)
    }
    if (rows.size === 0) return
    const columns = [...openers.keys()]
    const first = Math.max(...[...rows.keys()].map((name) => name.length))
    const line = (name: string, cells: readonly string[]) =>
      `  ${name.padEnd(first)}  ${cells.map((cell, at) => cell.padEnd(Math.max(4, columns[at]?.length ?? 0))).join('  ')}`.trimEnd()
    console.log('\nConversions by format (each result was opened by another program):')
    console.log(line('', columns))
    for (const [from, row] of rows) {
      console.log(
        line(
          from,
          columns.map((to) => row.get(to) ?? '·'),
        ),
      )
    }
    const formatsByOpeners = new Map<string, string[]>()
    for (const [to, names] of openers) {
      const by = [...names].join(' and ') || 'no other program'
      formatsByOpeners.set(by, [...(formatsByOpeners.get(by) ?? []), to])
    }
    for (const [by, formats] of formatsByOpeners)
      console.log(`  opened by ${by}: ${formats.join(', ')}`)
  }
}

const openedBy = (test: TestCase) => (test.meta() as { openedBy?: string[] }).openedBy ?? []
