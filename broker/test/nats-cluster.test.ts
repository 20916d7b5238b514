import { describeOnNats, useNatsCluster } from '@herald/nats/use-nats'
import { describeConformance } from './conformance.js'

describeOnNats('2.15', 'on three servers of NATS 2.15', () => {
  const nats = useNatsCluster('2.15')
  const createBroker = async () => ({
    url: `${nats.url}?sessionTimeoutMs=1500`,
    storingPids: async () => nats.cluster.nodes.map(({ pid }) => pid ?? 0),
    dispose: async () => {},
  })
  describeConformance('nats 2.15, 3 servers', { createBroker })
})
