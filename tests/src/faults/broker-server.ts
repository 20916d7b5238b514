import { join } from 'node:path'
import { findKafka, type KafkaCluster, startKafka } from '@herald/kafka'
import { findNats, startNats } from '@herald/nats'
import { findNewestRabbitmq, startRabbitmq } from '@herald/rabbitmq'

export type BrokerName = 'kafka' | 'rabbitmq' | 'nats'

/** The server of a broker, on its own port and data. */
export interface BrokerServer {
  /** As HERALD_BROKER, without options. */
  readonly url: string
  /** Undefined if it is another broker. */
  readonly kafka?: KafkaCluster
  destroy(): Promise<void>
}

export interface BrokerServerOptions {
  readonly folder: string
  readonly kafkaBrokers: 1 | 3
  /** Where Kafka listens. Default: loopback, as the others always do. */
  readonly kafkaHost?: string | undefined
}

/** Looks for the program; resolves to what starts it, or to why there is none. */
export async function findBrokerServer(
  name: BrokerName,
): Promise<
  | { readonly start: (options: BrokerServerOptions) => Promise<BrokerServer> }
  | { readonly missing: string }
> {
  switch (name) {
    case 'kafka': {
      const found = await findKafka()
      return 'missing' in found ? found : { start: startKafkaServer }
    }
    case 'rabbitmq': {
      const found = findNewestRabbitmq()
      if ('missing' in found) return found
      return { start: ({ folder }) => startRabbitmq({ ...found, folder: join(folder, name) }) }
    }
    case 'nats': {
      const found = await findNats('2.15')
      return 'missing' in found ? found : { start: () => startNats(found) }
    }
  }
}

async function startKafkaServer(options: BrokerServerOptions): Promise<BrokerServer> {
  const kafka = await startKafka({
    dataDirectory: join(options.folder, 'kafka'),
    brokers: options.kafkaBrokers,
    heapMb: 256,
    ...(options.kafkaHost !== undefined && { host: options.kafkaHost }),
  })
  return { url: kafka.url, kafka, destroy: kafka.destroy }
}
