import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '@herald/runtime/test/ports'
import type { RabbitmqInstallation } from './find-rabbitmq.js'
import { type RabbitmqServer, startRabbitmq } from './start-rabbitmq.js'

/** Three nodes of RabbitMQ on loopback. */
export interface RabbitmqCluster {
  readonly nodes: readonly RabbitmqServer[]
  /** `amqp://127.0.0.1:15672,127.0.0.1:15673,…`: the value of HERALD_BROKER. */
  readonly url: string
  /** SIGKILLs the nodes and deletes their data. Idempotent. */
  destroy(): Promise<void>
}

const size = 3

/** Starts three nodes, each with its data in a folder in `folder`; resolves when they have joined. */
export async function startRabbitmqCluster(
  installation: RabbitmqInstallation,
  folder: string,
): Promise<RabbitmqCluster> {
  const [epmdPort = 0] = await freePorts(1)
  const cookie = randomBytes(16).toString('hex')
  const names = Array.from({ length: size }, (_, index) => `herald${index + 1}@localhost`)
  const settings = {
    'cluster_formation.peer_discovery_backend': 'classic_config',
    ...Object.fromEntries(
      names.map((name, index) => [`cluster_formation.classic_config.nodes.${index + 1}`, name]),
    ),
  }
  const starting = await Promise.allSettled(
    names.map((name) =>
      startRabbitmq({
        ...{ installation, settings, folder: join(folder, name) },
        node: { name, epmdPort, cookie },
      }),
    ),
  )
  const nodes = starting.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const destroy = async () => {
    // All of them first: epmd does not end while one runs.
    await Promise.all(nodes.map((node) => node.kill()))
    await Promise.all(nodes.map((node) => node.destroy()))
    await rm(folder, { recursive: true, force: true })
  }
  const failed = starting.find((each) => each.status === 'rejected')
  if (failed !== undefined) {
    await destroy()
    throw failed.reason
  }
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`)
  return { nodes, url: `amqp://${addresses.join(',')}`, destroy }
}
