import { createRequire } from 'node:module'
import type { Logger } from '@herald/runtime'
import kafkajs, { type Admin, type ISocketFactory, type KafkaConfig, type LogEntry } from 'kafkajs'
import { isRetryable } from './errors.js'
import type { KafkaLocation } from './location.js'

stopIdleTimer()

interface ClientSettings {
  /** How long a response may take. */
  readonly requestTimeoutMs: number
  /** How often kafkajs itself retries; at least once with each broker of the location. */
  readonly retries: number
  readonly socketFactory?: ISocketFactory | undefined
}

/** A kafkajs client that writes to our log. */
export function createClient(
  location: KafkaLocation,
  logger: Logger,
  { requestTimeoutMs, retries, socketFactory }: ClientSettings,
): kafkajs.Kafka {
  const { brokers, ssl, sasl, clientId, connectTimeoutMs } = location
  const config: KafkaConfig = {
    clientId,
    // A random one first: a client that replaces one of a failed broker must not start with that broker.
    brokers: rotated(brokers),
    connectionTimeout: connectTimeoutMs,
    authenticationTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    // All set explicitly: kafkajs has other defaults if NODE_ENV is `test`.
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

/** The connection for requests about topics and offsets, opened when it is first needed. */
export class AdminConnection {
  readonly #create: () => Admin
  #admin: Promise<Admin> | undefined

  constructor(create: () => Admin) {
    this.#create = create
  }

  /** Runs `use` on the connection. Rejects with kafkajs' error; the next call may get a new connection. */
  async run<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#connected()
    try {
      return await use(await admin)
    } catch (error) {
      // kafkajs keeps a connection on which a response never came, and would wait on it forever.
      if (isRetryable(error) && this.#admin === admin) await this.close()
      throw error
    }
  }

  async close(): Promise<void> {
    const admin = this.#admin
    this.#admin = undefined
    await admin?.then((old) => old.disconnect()).catch(() => {})
  }

  #connected(): Promise<Admin> {
    this.#admin ??= (async () => {
      const admin = this.#create()
      await admin.connect()
      return admin
    })()
    return this.#admin
  }
}

function rotated(brokers: readonly string[]): string[] {
  const first = Math.floor(Math.random() * brokers.length)
  return [...brokers.slice(first), ...brokers.slice(0, first)]
}

/** Most of what kafkajs logs as an error it retries itself; the rest reaches us as an error. */
function log(
  logger: Logger,
  { namespace, level, log: { message, timestamp, ...fields } }: LogEntry,
) {
  const { stack, logger: _, ...rest } = fields
  const line = { kafkajs: namespace, detail: message, ...rest }
  if (level === kafkajs.logLevel.ERROR) logger.debug({ ...line, stack }, 'kafkajs reports an error')
  else logger.debug(line, 'kafkajs reports')
}

/** What is used of kafkajs' queue of requests; each connection has one. */
interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(this: RequestQueue): void
}

/**
 * kafkajs 2.2.4 schedules a check of pending requests even if there are none, with a negative
 * delay: each open connection wakes the process every millisecond, and Node 24 prints a warning
 * (https://github.com/tulios/kafkajs/issues/1751 and 1704). No option reaches the queue: a
 * `socketFactory` gets the socket only, and instrumentation events carry numbers. The module is
 * private, so the version is pinned, and `test/kafkajs-idle.test.ts` fails if this patch no longer
 * applies. It can go with the first release that closes issue 1704; there has been none since 2023,
 * and the open pull requests 1755 and 1768 stop the warning only.
 */
function stopIdleTimer(): void {
  const queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    readonly prototype: RequestQueue
  }
  const { prototype } = queue
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) schedule.call(this)
  }
}
