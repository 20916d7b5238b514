import { openBroker } from '@herald/broker'
import { describeOnNats, useNatsCluster } from '@herald/nats/use-nats'
import { silentLogger } from '@herald/runtime/logger'
import { expect, onTestFinished, test, vi } from 'vitest'
import { event } from './conformance/fixture.js'
import { describeConformance } from './conformance.js'
import { replicasOf, useTopic } from './nats-replicas.js'

describeOnNats('2.15', 'on three servers of NATS 2.15', () => {
  const nats = useNatsCluster('2.15')
  const createBroker = async () => ({
    url: `${nats.url}?sessionTimeoutMs=1500`,
    storingPids: async () => nats.cluster.nodes.map(({ pid }) => pid ?? 0),
    dispose: async () => {},
  })
  describeConformance('nats 2.15, 3 servers', { createBroker })

  test('a topic and its leases have three replicas, or as many as the URL says', async () => {
    expect(await replicasOf(await useTopic(nats.url), nats.url)).toEqual([3, 3])
    expect(await replicasOf(await useTopic(`${nats.url}?replicas=1`), nats.url)).toEqual([1, 1])
  })

  test('more replicas than servers are refused, with what to do', async () => {
    const url = `${nats.url}?replicas=5&publishTimeoutMs=1000`
    await expect(useTopic(url)).rejects.toThrow(
      /too few servers for the topic's replicas \(no suitable peers.*set replicas/,
    )
  })

  test('a topic with fewer replicas is used as it is, and reported once', async () => {
    const topic = await useTopic(`${nats.url}?replicas=1`)
    const warn = vi.fn()
    const logger = { ...silentLogger, warn }
    const broker = await openBroker(nats.url, { logger })
    onTestFinished(() => broker.close())
    await broker.publish(topic, [event('k', 0)])
    await broker.subscribe({ topic, group: 'all' }, async () => {})
    const reported = expect.objectContaining({ topic, replicas: 1, expected: 3 })
    expect(warn.mock.calls).toEqual([[reported, 'topic has fewer replicas than expected']])
    expect(await replicasOf(topic, nats.url)).toEqual([1, 1])
  })
})
