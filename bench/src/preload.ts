import { type Message, openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import type { BenchKafka } from './kafka.js'

const batch = 500

/** Creates a topic with these events; resolves to its name. */
export async function preload(
  kafka: BenchKafka,
  partitions: number,
  events: readonly Message[],
): Promise<string> {
  const topic = await kafka.topic(partitions)
  await fill(kafka, topic, events)
  return topic
}

/** Publishes the events to an existing topic. */
export async function fill(
  kafka: BenchKafka,
  topic: string,
  events: readonly Message[],
): Promise<void> {
  const publisher = await openBroker(kafka.cluster.url, { logger: silentLogger })
  for (let at = 0; at < events.length; at += batch) {
    await publisher.publish(topic, events.slice(at, at + batch))
  }
  await publisher.close()
}
