import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Delivery, openBroker } from '@herald/broker'
import { type KafkaCluster, startKafka } from '@herald/kafka'
import { silentLogger } from '@herald/runtime'

/** One Kafka for all scenarios; each has its own topic, group and folder. */
export interface KafkaFixture {
  readonly kafka: KafkaCluster
  /** With a short session: a killed member is removed after 1.5 seconds. */
  readonly broker: string
  /** A new topic, group and folder; `close` removes the folder. */
  openWorkspace(): Promise<Workspace>
  close(): Promise<void>
}

export interface Workspace {
  readonly folder: string
  readonly topic: string
  /** The environment of every notifier in this workspace. */
  readonly env: Readonly<Record<string, string>>
  close(): Promise<void>
}

export async function openKafkaFixture(): Promise<KafkaFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-faults-'))
  let workspaces = 0
  try {
    const kafka = await startKafka({ dataDirectory: join(folder, 'kafka') })
    const broker = `${kafka.url}?sessionTimeoutMs=1500&heartbeatMs=150`
    return {
      kafka,
      broker,
      async openWorkspace() {
        workspaces += 1
        const topic = `faults-${workspaces}`
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

/** The events in `topic` that `group` has not acknowledged; for a new group, all. */
export async function readTopic(url: string, topic: string, group: string): Promise<Delivery[]> {
  const broker = await openBroker(url, { logger: silentLogger })
  try {
    const found: Delivery[] = []
    const subscription = await broker.subscribe(
      { topic, group },
      async (delivery) => void found.push(delivery),
    )
    for (let quiet = 0; quiet < 2; ) {
      // A new topic may have no leader yet.
      const lag = await subscription.lag().catch(() => undefined)
      quiet = lag === 0 ? quiet + 1 : 0
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return found
  } finally {
    await broker.close()
  }
}
