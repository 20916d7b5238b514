import type { Reporter, TestCase, TestModule } from 'vitest/node'

/**
 * Prints which tests were skipped and why, then the line `N passed, N failed, N skipped`. The reason
 * is the note of `context.skip(note)`, or part of the suite's name: `(left out: …)`.
 */
export default class LeftOutReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0 }
    const leftOut = new Map<string, number>()
    for (const module of modules) {
      // A file that could not be loaded has no tests to fail.
      if (module.state() === 'failed' && module.errors().length > 0) count.failed++
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'pending') continue
        count[state]++
        if (state !== 'skipped') continue
        const line = `${module.relativeModuleId}: ${reasonOf(test)}`
        leftOut.set(line, (leftOut.get(line) ?? 0) + 1)
      }
    }
    const withoutLong = !process.env['CI']
    if (leftOut.size > 0 || withoutLong) {
      console.log('\nLeft out:')
      if (withoutLong) console.log('  the long tests: npm run test:all runs them too')
      for (const [line, tests] of leftOut) console.log(`  ${line} (${tests})`)
    }
    console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
  }
}

function reasonOf(test: TestCase): string {
  const result = test.result()
  const note = 'note' in result ? result.note : undefined
  return note ?? /\(left out: (.*?)\)(?= >|$)/.exec(test.fullName)?.[1] ?? 'no reason given'
}
