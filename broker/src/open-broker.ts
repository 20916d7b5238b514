import { type Logger, withoutUrlSecrets } from '@herald/runtime'
import { type Broker, BrokerError } from './broker.js'

export interface OpenBrokerOptions {
  logger: Logger
  /** Partitions of a topic that this broker creates. Default 8; a topic that exists keeps its own. */
  partitions?: number
  /** How long a topic that this broker creates keeps its events, in milliseconds. Default 7 days. */
  retentionMs?: number
}

/**
 * Opens the broker that `url` names: `embedded:./data/broker`, `kafka://host:9092`.
 * Rejects with BrokerError: BROKER_BAD_URL before anything is touched, else what the driver says.
 */
export async function openBroker(url: string, options: OpenBrokerOptions): Promise<Broker> {
  const scheme = url.slice(0, url.indexOf(':') + 1)
  switch (scheme) {
    case 'embedded:':
      return (await import('./drivers/embedded.js')).openEmbeddedBroker(url, options)
    case 'kafka:':
      return (await import('./drivers/kafka.js')).openKafkaBroker(url, options)
    default:
      throw new BrokerError(
        'BROKER_BAD_URL',
        `No broker speaks ${JSON.stringify(scheme || withoutUrlSecrets(url))}. Use embedded:./data/broker or kafka://host:9092.`,
      )
  }
}
