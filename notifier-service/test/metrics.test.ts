import { expect, test } from 'vitest'
import { createNotifierMetrics } from '#src/metrics'

test('a broker that cannot be asked for the lag leaves the other figures readable', async () => {
  const { registry } = createNotifierMetrics(
    { name: 'mail' },
    {
      lag: () => Promise.reject(new Error('not the leader')),
      outage: () => true,
    },
  )
  const text = await registry.metrics()
  expect(text).toMatch(/^herald_notifier_lag_events\{.*\} Nan$/m)
  expect(text).toMatch(/^herald_notifier_mail_server_outage\{.*\} 1$/m)
})
