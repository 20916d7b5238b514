import { findKafka, type KafkaCluster, type KafkaInstallation, startKafka } from '@herald/kafka'
import type { BenchStage } from './bench.js'
import { createTopic, newClient } from './rivals/kafkajs.js'

export interface BenchKafka {
  readonly cluster: KafkaCluster
  readonly installation: KafkaInstallation
  /** A fresh topic, gzip as Herald makes its own. */
  topic(partitions: number): Promise<string>
  /** kafkajs as its manual has it. */
  client(): ReturnType<typeof newClient>
}

/** A real Apache Kafka for this bench; a sentence where it cannot be had. */
export async function openKafka(stage: BenchStage): Promise<BenchKafka | { missing: string }> {
  const found = await findKafka()
  if ('missing' in found) return found
  stage.say('starting Apache Kafka')
  const cluster = await startKafka({
    dataDirectory: `${stage.folder}/kafka`,
    installation: found.installation,
    heapMb: 1024,
  })
  stage.defer(() => cluster.destroy())
  let topics = 0
  return {
    cluster,
    installation: found.installation,
    client: () => newClient(cluster.bootstrap),
    async topic(partitions) {
      const topic = `bench-${process.pid}-${topics++}`
      await createTopic(newClient(cluster.bootstrap), topic, partitions)
      return topic
    },
  }
}
