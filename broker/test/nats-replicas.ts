import { randomUUID } from 'node:crypto'
import { openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime/logger'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { event } from './conformance/fixture.js'

/** Publishes to a new topic and subscribes to it. */
export async function useTopic(url: string): Promise<string> {
  const topic = `replicas-${randomUUID()}`
  const broker = await openBroker(url, { logger: silentLogger })
  try {
    await broker.publish(topic, [event('k', 0)])
    await broker.subscribe({ topic, group: 'all' }, async () => {})
  } finally {
    await broker.close()
  }
  return topic
}

/** How many servers have the topic's stream, and its bucket. */
export async function replicasOf(topic: string, url: string): Promise<number[]> {
  const servers = url.slice('nats://'.length).split(',')
  const connection = await connect({ servers })
  try {
    const { streams } = await jetstreamManager(connection)
    const infos = await Promise.all(
      [`herald-${topic}`, `KV_herald-${topic}`].map((stream) => streams.info(stream)),
    )
    return infos.map(({ config }) => config.num_replicas)
  } finally {
    await connection.close()
  }
}
