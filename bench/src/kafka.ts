import { findKafka, type KafkaCluster, startKafka } from '@herald/kafka'
import { Kafka, logLevel } from 'kafkajs'
import type { BenchStage } from './bench.js'

export interface BenchKafka {
  readonly cluster: KafkaCluster
  /** A fresh topic, gzip as Herald makes its own. */
  topic(partitions: number): Promise<string>
  /** kafkajs as its manual has it. */
  client(): Kafka
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
  const client = () =>
    new Kafka({
      clientId: 'rival',
      brokers: cluster.bootstrap.split(','),
      logLevel: logLevel.NOTHING,
    })
  let topics = 0
  return {
    cluster,
    client,
    async topic(partitions) {
      const topic = `bench-${process.pid}-${topics++}`
      const admin = client().admin()
      await admin.connect()
      await admin.createTopics({
        waitForLeaders: true,
        topics: [
          {
            topic,
            numPartitions: partitions,
            configEntries: [{ name: 'compression.type', value: 'gzip' }],
          },
        ],
      })
      await admin.disconnect()
      return topic
    },
  }
}
