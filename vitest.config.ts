import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['*/test/**/*.test.ts', 'tests/kafka/test/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A program that a test starts without a data folder of its own must not find the user's.
    env: { XDG_STATE_HOME: join(tmpdir(), `herald-test-state-${process.pid}`) },
    // Two cores: more workers only make tests on real processes wait for each other.
    maxWorkers: 2,
    reporters: [
      'default',
      './tests/conformance-reporter.ts',
      './tests/matrix-reporter.ts',
      './tests/left-out-reporter.ts',
    ],
  },
})
