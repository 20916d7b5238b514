import type { Logger } from '@herald/runtime'
import kafkajs, { type ISocketFactory, type KafkaConfig, type LogEntry } from 'kafkajs'
import { stopIdleTimer } from './idle-timer.js'
import type { KafkaLocation } from './location.js'

stopIdleTimer()

export interface ClientSettings {
  /** How long an answer may take. */
  readonly requestTimeoutMs: number
  /** How often kafkajs itself tries again; at least once with each broker of the location. */
  readonly retries: number
  readonly socketFactory?: ISocketFactory | undefined
}

/** A kafkajs client whose log goes to ours. */
export function createClient(
  location: KafkaLocation,
  logger: Logger,
  { requestTimeoutMs, retries, socketFactory }: ClientSettings,
): kafkajs.Kafka {
  const { brokers, ssl, sasl, clientId, connectTimeoutMs } = location
  const config: KafkaConfig = {
    clientId,
    // Not always the same one first: a client that is made because a broker died must not ask it.
    brokers: rotated(brokers),
    connectionTimeout: connectTimeoutMs,
    authenticationTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    // Each spelled out: kafkajs has other defaults where NODE_ENV is `test`.
    retry: {
      retries: Math.max(retries, brokers.length - 1),
      initialRetryTime: 100,
      maxRetryTime: 1000,
      factor: 0.2,
      multiplier: 2,
    },
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => (entry) => log(logger, entry),
  }
  if (ssl !== undefined) config.ssl = ssl
  if (sasl !== undefined) config.sasl = sasl as NonNullable<KafkaConfig['sasl']>
  if (socketFactory !== undefined) config.socketFactory = socketFactory
  return new kafkajs.Kafka(config)
}

function rotated(brokers: readonly string[]): string[] {
  const first = Math.floor(Math.random() * brokers.length)
  return [...brokers.slice(first), ...brokers.slice(0, first)]
}

/** What kafkajs calls an error it mostly mends itself; what it cannot mend comes to us as one. */
function log(
  logger: Logger,
  { namespace, level, log: { message, timestamp, ...fields } }: LogEntry,
) {
  const { stack, logger: _, ...rest } = fields
  const line = { kafkajs: namespace, detail: message, ...rest }
  if (level === kafkajs.logLevel.ERROR) logger.debug({ ...line, stack }, 'kafkajs reports an error')
  else logger.debug(line, 'kafkajs reports')
}
