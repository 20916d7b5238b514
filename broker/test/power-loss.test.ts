import { describeOnNats, useNats } from '@herald/nats/use-nats'
import { expect, test } from 'vitest'
import { useFixture } from './conformance/fixture.js'
import { callsOfPublishing, tracedEvents } from './conformance/power-loss.js'
import { whyNotTraced } from './conformance/traced-calls.js'
import { describeOnKafka, useKafka } from './kafka/use-kafka.js'

// The drivers of these servers declare that an event is not synced. These settings sync each one, and
// show that the conformance suite would count that.

describeOnKafka('on Kafka with log.flush.interval.messages=1', () => {
  const kafka = useKafka({ settings: { 'log.flush.interval.messages': '1' } })
  const fixture = useFixture(async () => ({
    url: kafka.url,
    storingPids: async () => [kafka.cluster.pid(0) ?? 0],
    dispose: async () => {},
  }))

  test('each event is synced to disk before it is acknowledged', async ({ skip }) => {
    const missing = whyNotTraced()
    if (missing !== undefined) skip(missing)
    expect((await callsOfPublishing(fixture)).syncs).toBeGreaterThanOrEqual(tracedEvents)
  })
})

describeOnNats('2.15', 'on NATS 2.15 with sync_interval: always', () => {
  const nats = useNats('2.15', () => ({ jetstream: { sync_interval: 'always' } }))
  const fixture = useFixture(async () => ({
    url: nats.url,
    storingPids: async () => [nats.server.pid ?? 0],
    dispose: async () => {},
  }))

  test('each event is synced to disk before it is acknowledged', async ({ skip }) => {
    const missing = whyNotTraced()
    if (missing !== undefined) skip(missing)
    expect((await callsOfPublishing(fixture)).syncs).toBeGreaterThanOrEqual(tracedEvents)
  })
})
