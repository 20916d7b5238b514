import { defineConfig } from 'vitest/config'

/** Tests of the containers that tests/docker/run has started, one file after the other. */
export default defineConfig({
  test: {
    include: ['tests/docker/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    reporters: ['verbose'],
  },
})
