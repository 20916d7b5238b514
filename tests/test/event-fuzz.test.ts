import { expect, test } from 'vitest'
import { runEventFuzz } from '#src/faults/scenario-events'

/** The short form of `npm run faults -- --only events`. */
test('no event of any content stops a notifier or a webhook', async () => {
  const seed = Date.now() % 1_000_000
  const result = await runEventFuzz({ seed, events: 1000, stalledAfterMs: 60_000, print: () => {} })
  expect(result.failures, `seed ${seed}`).toEqual([])
}, 300_000)
