import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { freePorts, isFree } from '@herald/runtime/test/ports'
import { findKafka, type KafkaInstallation } from './find-kafka.js'
import { KafkaNode, KafkaStartError } from './kafka-node.js'
import type { ClusterShape, KafkaSecurity } from './server-properties.js'

export { KafkaStartError } from './kafka-node.js'
export type { KafkaSecurity } from './server-properties.js'

export interface StartKafkaOptions {
  /** Created if absent, and kept. A later start with it needs the same `brokers`. */
  readonly dataDirectory: string
  /** Default 1. */
  readonly brokers?: 1 | 3
  /** The clients' port of the first broker; the controller takes the next one. Default: any free. */
  readonly port?: number
  /** The address that clients connect to, of this machine. Default 127.0.0.1. */
  readonly host?: string
  /** Default: what findKafka finds. */
  readonly installation?: KafkaInstallation
  readonly security?: KafkaSecurity
  /** Further settings of server.properties. */
  readonly settings?: Readonly<Record<string, string>>
  /** Per broker. Default 512. */
  readonly heapMb?: number
  /** Default 60,000. */
  readonly startTimeoutMs?: number
}

export interface KafkaCluster {
  /** `127.0.0.1:19092,127.0.0.1:19095`. */
  readonly bootstrap: string
  /** `kafka://127.0.0.1:19092,…`: the value of HERALD_BROKER. */
  readonly url: string
  /** Kills broker `index` (0 is the first) with SIGKILL. Resolves when it has ended. */
  kill(index: number): Promise<void>
  /** Starts broker `index` again with its data and port; kills it first if it runs. Resolves when it accepts requests. */
  restart(index: number): Promise<void>
  /** The process id of broker `index` while it runs. */
  pid(index: number): number | undefined
  /** Stops every broker. The data is kept. Idempotent. */
  stop(): Promise<void>
  /** Kills every broker with SIGKILL, for tests that delete the data. Idempotent. */
  destroy(): Promise<void>
}

/** Starts Kafka on this machine. Resolves when every broker accepts requests. Rejects with KafkaStartError. */
export async function startKafka(options: StartKafkaOptions): Promise<KafkaCluster> {
  const { brokers = 1, heapMb = 512, startTimeoutMs = 60_000, port } = options
  const { host = '127.0.0.1' } = options
  const installation = options.installation ?? (await installed())
  const dataDirectory = resolve(options.dataDirectory)
  const clusterId = await clusterIdOf(dataDirectory)
  if (port !== undefined) await requireFree(port, port + 1)
  const free = await freePorts(brokers * 2)
  const shape: ClusterShape = {
    dataDirectory,
    host,
    security: options.security,
    settings: options.settings,
    ports: Array.from({ length: brokers }, (_, index) =>
      port !== undefined && index === 0
        ? { client: port, controller: port + 1 }
        : { client: free[2 * index] as number, controller: free[2 * index + 1] as number },
    ),
  }
  const nodes = shape.ports.map(
    (_, index) => new KafkaNode({ installation, shape, index, clusterId, heapMb, startTimeoutMs }),
  )
  const destroy = async () => {
    await Promise.all(nodes.map((node) => node.kill()))
  }
  const starts = await Promise.allSettled(nodes.map((node) => node.start()))
  const failed = starts.find((start) => start.status === 'rejected')
  if (failed !== undefined) {
    await destroy()
    throw failed.reason
  }
  const bootstrap = shape.ports.map(({ client }) => `${host}:${client}`).join(',')
  const node = (index: number) => {
    const found = nodes[index]
    if (found === undefined) throw new RangeError(`no broker ${index}`)
    return found
  }
  return {
    bootstrap,
    url: `kafka://${bootstrap}`,
    kill: (index) => node(index).kill(),
    restart: async (index) => {
      await node(index).kill()
      await node(index).start()
    },
    pid: (index) => node(index).pid,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop(10_000)))
    },
    destroy,
  }
}

async function installed(): Promise<KafkaInstallation> {
  const found = await findKafka()
  if ('missing' in found) throw new KafkaStartError(found.missing)
  return found.installation
}

async function requireFree(...ports: number[]): Promise<void> {
  for (const port of ports) {
    if (await isFree(port)) continue
    throw new KafkaStartError(
      `Port ${port} is in use. Stop the program that uses it, or choose another port: npm run kafka -- --port 9192 (the next one is used too).`,
    )
  }
}

/** The same for all nodes of a cluster, and for each start. */
async function clusterIdOf(dataDirectory: string): Promise<string> {
  const file = join(dataDirectory, 'cluster-id')
  await mkdir(dataDirectory, { recursive: true })
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch {
    const id = randomBytes(16).toString('base64url')
    await writeFile(file, `${id}\n`)
    return id
  }
}
