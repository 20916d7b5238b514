import { findKafka, type KafkaCluster, type KafkaInstallation, startKafka } from '@herald/kafka'
import type { BenchContext } from './bench.js'
import { createTopic, newClient } from './rivals/kafkajs.js'

export interface BenchKafka {
  readonly cluster: KafkaCluster
  readonly installation: KafkaInstallation
  /** Creates a topic with gzip, as Herald does; resolves to its name. */
  topic(partitions: number): Promise<string>
  /** A kafkajs client with its default settings. */
  client(): ReturnType<typeof newClient>
}

/** Starts Apache Kafka for this bench; resolves to the reason if it is not installed. */
export async function openKafka(context: BenchContext): Promise<BenchKafka | { missing: string }> {
  const found = await findKafka()
  if ('missing' in found) return found
  context.log('starting Apache Kafka')
  const cluster = await startKafka({
    dataDirectory: `${context.folder}/kafka`,
    installation: found.installation,
    heapMb: 1024,
  })
  context.defer(() => cluster.destroy())
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
