import { defineConfig } from 'vitest/config'

/** `npm run e2e`: what a user of the CLI and of the inbox sees, against what runs or a stack of its own. */
export default defineConfig({
  test: {
    root: 'stack/e2e',
    include: ['*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['verbose'],
  },
})
