import { setTimeout as delay } from 'node:timers/promises'
import type { Message } from '@herald/broker'
import { type EachMessagePayload, Kafka, logLevel, Partitioners } from 'kafkajs'

/** A kafkajs client with its default settings. */
export const newClient = (bootstrap: string) =>
  new Kafka({ clientId: 'rival', brokers: bootstrap.split(','), logLevel: logLevel.NOTHING })

/** Creates a topic with gzip, as Herald does. */
export async function createTopic(kafka: Kafka, topic: string, partitions: number): Promise<void> {
  const admin = kafka.admin()
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
}

/** Resolves when the group is stable with that many members. */
export async function untilStable(kafka: Kafka, group: string, members: number): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  for (let tries = 0; ; tries++) {
    const [found] = (await admin.describeGroups([group])).groups
    if (found?.state === 'Stable' && found.members.length === members) break
    if (tries === 600) throw new Error(`the group ${group} is ${found?.state} after a minute`)
    await delay(100)
  }
  await admin.disconnect()
}

/** A kafkajs producer with its default settings. */
export async function openProducer(kafka: Kafka) {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  return {
    send: (topic: string, messages: readonly Message[]) =>
      producer.send({
        topic,
        acks: -1,
        messages: messages.map(({ key, value, headers }) => ({
          key,
          value: Buffer.from(value),
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, bytes]) => [name, Buffer.from(bytes)]),
          ),
        })),
      }),
    close: () => producer.disconnect(),
  }
}

/** Reads events with `eachBatch` and only counts them. Resolves after `count` to the milliseconds it took. */
export async function consumeBatches(kafka: Kafka, topic: string, group: string, count: number) {
  const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  let seen = 0
  let joinedAt = 0
  // Not since the first batch: by then all events may be fetched and decoded.
  consumer.on(consumer.events.GROUP_JOIN, () => {
    joinedAt = performance.now()
  })
  const lastAt = await new Promise<number>((resolve, reject) => {
    consumer
      .run({
        eachBatch: async ({ batch }) => {
          seen += batch.messages.length
          if (seen >= count) resolve(performance.now())
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return lastAt - joinedAt
}

/** Runs `handle` for each event with `eachMessage`: one at a time in each partition. Resolves when it has joined. */
export async function startLoop(
  kafka: Kafka,
  { topic, group, partitions }: { topic: string; group: string; partitions: number },
  handle: (payload: EachMessagePayload) => Promise<void>,
) {
  const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const joined = new Promise<void>((resolve) =>
    consumer.on(consumer.events.GROUP_JOIN, () => resolve()),
  )
  await consumer.run({ partitionsConsumedConcurrently: partitions, eachMessage: handle })
  await joined
}
