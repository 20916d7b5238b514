import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { findKafka, startKafka } from '@herald/kafka'
import { findNats, type NatsVersion, startNats } from '@herald/nats'
import { findRabbitmq, type RabbitmqVersion, startRabbitmq } from '@herald/rabbitmq'
import type { BenchContext } from './bench.js'

/** A broker that Herald has a driver for, on this machine. */
export interface BrokerServer {
  /** The value of HERALD_BROKER. */
  readonly url: string
  readonly version: string
  /** The server's process; absent if there is no server. */
  readonly pid?: number
  /** The folder of its data. */
  readonly folder: string
}

export type OpenedServer = BrokerServer | { readonly missing: string }

/** Starts a server with a fresh folder; resolves to the reason if it is not installed. */
export type OpenServer = (context: Pick<BenchContext, 'folder' | 'defer'>) => Promise<OpenedServer>

export const openKafkaServer: OpenServer = async (context) => {
  const found = await findKafka()
  if ('missing' in found) return found
  const { installation } = found
  const folder = await freshFolder(context)
  const cluster = await startKafka({ dataDirectory: folder, installation, heapMb: 1024 })
  context.defer(() => cluster.destroy())
  return {
    url: cluster.url,
    version: installation.version,
    folder,
    ...pidOf(cluster.pid(0)),
  }
}

const openRabbitmqServer =
  (version: RabbitmqVersion): OpenServer =>
  async (context) => {
    const found = findRabbitmq(version)
    if ('missing' in found) return found
    const { installation } = found
    const folder = await freshFolder(context)
    const server = await startRabbitmq({ installation, folder })
    context.defer(() => server.destroy())
    return { url: server.url, version: installation.version, folder, pid: await server.pid() }
  }

const openNatsServer =
  (version: NatsVersion): OpenServer =>
  async (context) => {
    const found = await findNats(version)
    if ('missing' in found) return found
    const { installation } = found
    const folder = await freshFolder(context)
    const jetstream = { store_dir: JSON.stringify(folder) }
    const server = await startNats({ installation, jetstream })
    context.defer(() => server.destroy())
    return { url: server.url, version: installation.version, folder, ...pidOf(server.pid) }
  }

const openEmbeddedBroker: OpenServer = async (context) => {
  const folder = await freshFolder(context)
  return { url: `embedded:${folder}`, version: 'Herald', folder }
}

/** Every broker except Kafka, by the name that a line of the result has. */
export const otherServers: Readonly<Record<string, OpenServer>> = {
  embedded: openEmbeddedBroker,
  'RabbitMQ 3': openRabbitmqServer('3'),
  'RabbitMQ 4': openRabbitmqServer('4'),
  'NATS 2.9': openNatsServer('2.9'),
  'NATS 2.15': openNatsServer('2.15'),
}

const freshFolder = ({ folder }: Pick<BenchContext, 'folder'>) => mkdtemp(join(folder, 'broker-'))

const pidOf = (pid: number | undefined) => (pid === undefined ? {} : { pid })
