import { defineConfig } from 'vitest/config'

/** `npm run e2e`: the CLI and the inbox as a user sees them, against the running stack or one of its own. */
export default defineConfig({
  test: {
    root: 'stack/e2e',
    include: ['*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['verbose'],
  },
})
