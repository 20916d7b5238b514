import { shownUrl } from '@herald/runtime'
import { type Broker, BrokerError, type OpenBrokerOptions } from './broker.js'

/**
 * Opens the broker that `url` names: `embedded:./data/broker`, `kafka://host:9092`,
 * `amqp://host:5672`, `nats://host:4222`. Rejects with BrokerError: BROKER_BAD_URL before any file or
 * network is touched, else the driver's code.
 */
export async function openBroker(url: string, options: OpenBrokerOptions): Promise<Broker> {
  const scheme = url.slice(0, url.indexOf(':') + 1)
  switch (scheme) {
    case 'embedded:':
      return (await import('./drivers/embedded.js')).openEmbeddedBroker(url, options)
    case 'kafka:':
      return (await import('./drivers/kafka.js')).openKafkaBroker(url, options)
    case 'amqp:':
    case 'amqps:':
      return (await import('./drivers/rabbitmq.js')).openRabbitmqBroker(url, options)
    case 'nats:':
    case 'tls:':
      return (await import('./drivers/nats.js')).openNatsBroker(url, options)
    default:
      throw new BrokerError(
        'BROKER_BAD_URL',
        `Unknown broker scheme ${JSON.stringify(scheme || shownUrl(url))}. Use embedded:./data/broker, kafka://host:9092, amqp://host:5672 or nats://host:4222.`,
      )
  }
}
