import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/**
 * Only with CI set, or by `npm run test:all`: they take long, over many files, many failures, a
 * slow line or the time limits of connections. Some are the only test of what they check, so nothing is released without them.
 */
const long = [
  'bench/test/short.test.ts',
  'broker/test/nats-cluster-faults.test.ts',
  'broker/test/rabbitmq-cluster.test.ts',
  'client/test/{converter-names,goaway,many-files,several-converters,slow-downloads}.test.ts',
  'client/test/{web-instances,web-kept}.test.ts',
  'converter-service/test/golden.test.ts',
  'stack/test/{demo,start}.test.ts',
  'tests/test/{backlog,event-fuzz,faults,fuzz,outages,slow-disk}.test.ts',
]

export default defineConfig({
  test: {
    // Limits that only a hang reaches: what is slow on a loaded machine is not an error.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    // A program that a test starts without a data folder of its own must not find the user's.
    env: { XDG_STATE_HOME: join(tmpdir(), `herald-test-state-${process.pid}`) },
    // One more than cores, because many tests wait; at most six, each with servers of its own.
    maxWorkers: Math.min(availableParallelism() + 1, 6),
    include: ['*/test/**/*.test.ts', 'tests/{kafka,nats,postgres,rabbitmq}/test/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', ...(process.env['CI'] ? [] : long)],
    reporters: [
      'default',
      './tests/conformance-reporter.ts',
      './tests/matrix-reporter.ts',
      './tests/left-out-reporter.ts',
    ],
  },
})
