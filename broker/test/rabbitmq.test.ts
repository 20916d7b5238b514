import { describeOnRabbitmq, useRabbitmq } from '@herald/rabbitmq/use-rabbitmq'
import { describeConformance } from './conformance.js'

describeOnRabbitmq('on RabbitMQ', () => {
  const rabbitmq = useRabbitmq()
  describeConformance('rabbitmq', {
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
