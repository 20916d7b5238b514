import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/**
 * Not in `npm test`, which takes minutes and Node alone; `npm run test:all`, as CI runs it, has
 * them too.
 */
const long = [
  // Programs are killed, stopped or starved, again and again.
  'broker/test/outbox-kill.test.ts',
  'client/test/{full-disk,interruptions,many-files,slow-downloads,web-kept}.test.ts',
  'notifier-service/test/{dead-letters,digest-kill,faults,webhook}.test.ts',
  'runtime/test/store-kill.test.ts',
  'tests/test/{event-fuzz,fuzz,kill-convert,outages}.test.ts',
  // Scripts that start everything.
  'bench/test/short.test.ts',
  'stack/test/{demo,start}.test.ts',
  // Every format after every operation.
  'converter-service/test/golden.test.ts',
  // Other programs: Java, a browser, SpamAssassin, strace, Go, MailHog.
  'broker/test/kafka{,-cluster,-faults,-positions,-tls,-traps}.test.ts',
  'notifier-service/test/{letters-in-a-browser,spam-score}.test.ts',
  'tests/kafka/test/*.test.ts',
  'tests/test/{backlog,browser,browser-files,compose,faults,kafka-and-mailhog}.test.ts',
  'tests/test/{mailhog-jim,slow-disk,subscribers}.test.ts',
]

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A program that a test starts without a data folder of its own must not find the user's.
    env: { XDG_STATE_HOME: join(tmpdir(), `herald-test-state-${process.pid}`) },
    // Two cores: more workers only make tests on real processes wait for each other.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: { name: 'short', include: ['*/test/**/*.test.ts'], exclude: ['**/dist/**', ...long] },
      },
      { extends: true, test: { name: 'long', include: long } },
    ],
    reporters: [
      'default',
      './tests/conformance-reporter.ts',
      './tests/matrix-reporter.ts',
      './tests/left-out-reporter.ts',
    ],
  },
})
