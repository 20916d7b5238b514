import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Delivery, openBroker } from '@herald/broker'
import { type KafkaCluster, startKafka } from '@herald/kafka'
import { silentLogger } from '@herald/runtime'

/** One Kafka, on which every scenario has a topic, a group and a folder of its own. */
export interface Stage {
  readonly kafka: KafkaCluster
  /** With a short session: who was killed is missed after a second and a half. */
  readonly broker: string
  /** A fresh place to play; `close` removes its folder. */
  place(): Promise<Place>
  close(): Promise<void>
}

export interface Place {
  readonly folder: string
  readonly topic: string
  /** What every notifier of this place gets. */
  readonly env: Readonly<Record<string, string>>
  close(): Promise<void>
}

export async function openStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-faults-'))
  let places = 0
  try {
    const kafka = await startKafka({ dataDirectory: join(folder, 'kafka') })
    const broker = `${kafka.url}?sessionTimeoutMs=1500&heartbeatMs=150`
    return {
      kafka,
      broker,
      async place() {
        places += 1
        const topic = `faults-${places}`
        const data = await mkdtemp(join(folder, `${topic}-`))
        return {
          folder: data,
          topic,
          env: {
            HERALD_BROKER: broker,
            HERALD_TOPIC: topic,
            HERALD_GROUP: topic,
            HERALD_DATA: data,
            HERALD_MAIL_FROM: 'Herald <herald@example.com>',
          },
          close: () => rm(data, { recursive: true, force: true }),
        }
      },
      async close() {
        await kafka.destroy()
        await rm(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** What `group` has not acknowledged in `topic`; a new group: everything. */
export async function readTopic(url: string, topic: string, group: string): Promise<Delivery[]> {
  const broker = await openBroker(url, { logger: silentLogger })
  try {
    const found: Delivery[] = []
    const subscription = await broker.subscribe(
      { topic, group },
      async (delivery) => void found.push(delivery),
    )
    for (let quiet = 0; quiet < 2; ) {
      // A topic just made may have no leader yet.
      const lag = await subscription.lag().catch(() => undefined)
      quiet = lag === 0 ? quiet + 1 : 0
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return found
  } finally {
    await broker.close()
  }
}
