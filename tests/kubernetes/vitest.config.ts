import { defineConfig } from 'vitest/config'

/** Tests of the pods on the node that tests/kubernetes/run-pods has started, in its network. */
export default defineConfig({
  test: {
    include: ['tests/kubernetes/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000, interval: 500 } },
    reporters: ['verbose'],
  },
})
