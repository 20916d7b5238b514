import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findKafka, type KafkaCluster, type StartKafkaOptions, startKafka } from '@herald/kafka'
import { afterAll, beforeAll, describe } from 'vitest'

/** The group removes a killed member after a second and a half, so that tests need not wait longer. */
export const shortSession = 'sessionTimeoutMs=1500&heartbeatMs=150'

const found = await findKafka()
const leftOut = 'missing' in found ? ` (left out: ${found.missing})` : ''

/** A `describe` that is skipped if Kafka is not installed; its name then says why. */
export function describeOnKafka(name: string, suite: () => void): void {
  describe.skipIf(leftOut !== '')(`${name}${leftOut}`, suite)
}

/** One Kafka for the `describe` it is called in, with its own ports and data. */
export function useKafka(options: Omit<StartKafkaOptions, 'dataDirectory'> = {}) {
  let directory: string
  let cluster: KafkaCluster | undefined
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'herald-kafka-'))
    cluster = await startKafka({ dataDirectory: directory, ...options })
  })
  afterAll(async () => {
    await cluster?.destroy()
    await rm(directory, { recursive: true, force: true })
  })
  return {
    get cluster(): KafkaCluster {
      if (cluster === undefined) throw new Error('Kafka is not started yet')
      return cluster
    },
    /** With the short session. */
    get url(): string {
      return `${this.cluster.url}?${shortSession}`
    },
  }
}
