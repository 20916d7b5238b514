import { natsVersions } from '@herald/nats'
import { describeOnNats, useNats } from '@herald/nats/use-nats'
import { describeConformance } from './conformance.js'

for (const version of natsVersions) {
  describeOnNats(version, `on NATS ${version}`, () => {
    const nats = useNats(version)
    describeConformance(`nats ${version}`, {
      createBroker: async () => ({
        url: `${nats.url}?sessionTimeoutMs=1500`,
        restart: () => nats.server.restart(),
        storingPids: async () => [nats.server.pid ?? 0],
        dispose: async () => {},
      }),
      canRestart: true,
    })
  })
}
