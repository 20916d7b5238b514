import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['*/test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
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
