import { rabbitmqVersions } from '@herald/rabbitmq'
import { describeOnRabbitmq, useRabbitmq } from '@herald/rabbitmq/use-rabbitmq'
import { describeConformance } from './conformance.js'

for (const version of rabbitmqVersions) {
  describeOnRabbitmq(version, `on RabbitMQ ${version}`, () => {
    const rabbitmq = useRabbitmq(version)
    describeConformance(`rabbitmq ${version}`, {
      createBroker: async () => ({
        url: rabbitmq.url,
        restart: async () => {
          await rabbitmq.server.untilRegistered()
          await rabbitmq.server.kill()
          await rabbitmq.server.start()
        },
        storingPids: async () => [await rabbitmq.server.pid()],
        dispose: async () => {},
      }),
      canRestart: true,
    })
  })
}
