import { expect, test } from 'vitest'
import { createNotifierMetrics } from '#src/metrics'

test('the other metrics are served if the broker cannot report the lag', async () => {
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
