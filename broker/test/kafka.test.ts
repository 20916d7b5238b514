import { describeConformance } from './conformance.js'
import { describeOnKafka, useKafka } from './kafka/use-kafka.js'

describeOnKafka('on Kafka', () => {
  const kafka = useKafka()
  describeConformance('kafka, 1 broker', {
    createBroker: async () => ({
      url: kafka.url,
      restart: () => kafka.cluster.restart(0),
      storingPids: async () => [kafka.cluster.pid(0) ?? 0],
      dispose: async () => {},
    }),
    canRestart: true,
  })
})
