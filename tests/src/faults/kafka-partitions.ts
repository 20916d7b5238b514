import kafkajs from 'kafkajs'

/** One partition; brokers are counted from 0. */
export interface PartitionState {
  readonly leader: number
  readonly inSync: readonly number[]
}

/** The partitions of a topic, in their order. Rejects if Kafka cannot be reached. */
export async function partitionsOf(bootstrap: string, topic: string): Promise<PartitionState[]> {
  const logLevel = kafkajs.logLevel.NOTHING
  const admin = new kafkajs.Kafka({ brokers: bootstrap.split(','), logLevel }).admin()
  await admin.connect()
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return (topics[0]?.partitions ?? [])
      .toSorted((one, other) => one.partitionId - other.partitionId)
      .map(({ leader, isr }) => ({ leader: leader - 1, inSync: isr.map((id) => id - 1) }))
  } finally {
    await admin.disconnect()
  }
}
