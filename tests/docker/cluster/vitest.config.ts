import { defineConfig } from 'vitest/config'

/** Tests of the containers that `tests/docker/run --cluster` has started, one file after the other. */
export default defineConfig({
  test: {
    include: ['tests/docker/cluster/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['verbose'],
  },
})
