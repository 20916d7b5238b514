import type { Logger } from '@herald/runtime'
import amqp, { type Channel, type ChannelModel, type ConfirmChannel } from 'amqplib'
import { isPreconditionFailed } from './errors.js'
import type { RabbitmqLocation } from './location.js'

/** Opens connections and channels whose errors are logged: an `error` event without a listener ends the process. */
export class Connector {
  readonly location: RabbitmqLocation
  readonly #logger: Logger

  constructor(location: RabbitmqLocation, logger: Logger) {
    this.location = location
    this.#logger = logger
  }

  /**
   * Connects to one of the hosts, a random one first. `purpose` is shown in RabbitMQ's list of
   * connections. Rejects with the last host's error.
   */
  async connect(purpose: string): Promise<ChannelModel> {
    const { hosts } = this.location
    const first = Math.floor(Math.random() * hosts.length)
    let lastError: unknown
    for (const host of [...hosts.slice(first), ...hosts.slice(0, first)]) {
      try {
        return await this.#connectTo(host, purpose)
      } catch (error) {
        lastError = error
      }
    }
    throw lastError
  }

  /** Runs `use` on a connection of its own, closed afterwards. */
  async withConnection<T>(purpose: string, use: (connection: ChannelModel) => Promise<T>) {
    const connection = await this.connect(purpose)
    try {
      return await withTimeout(use(connection), this.location.publishTimeoutMs, 'an answer')
    } finally {
      await closeQuietly(connection)
    }
  }

  async openChannel(connection: ChannelModel): Promise<Channel> {
    return this.#watched(await connection.createChannel())
  }

  async openConfirmChannel(connection: ChannelModel): Promise<ConfirmChannel> {
    return this.#watched(await connection.createConfirmChannel())
  }

  /** Declares a durable queue. One that exists keeps its arguments. */
  async declareQueue(connection: ChannelModel, name: string, args: Record<string, unknown>) {
    const channel = await this.openChannel(connection)
    try {
      await channel.assertQueue(name, { durable: true, arguments: args })
    } catch (error) {
      if (!isPreconditionFailed(error)) throw error
    } finally {
      await closeQuietly(channel)
    }
  }

  #watched<T extends Channel>(channel: T): T {
    channel.on('error', (error) => this.#logger.debug({ err: error }, 'channel closed'))
    channel.on('handler-error', (error) => this.#logger.error({ err: error }, 'unexpected error'))
    return channel
  }

  async #connectTo(host: RabbitmqLocation['hosts'][number], purpose: string) {
    const { tls, username, password, vhost, connectTimeoutMs, sessionTimeoutMs } = this.location
    const connecting = amqp.connect(
      {
        ...host,
        ...{ protocol: tls === undefined ? 'amqp' : 'amqps', username, password },
        vhost: encodeURIComponent(vhost),
        // RabbitMQ ends a connection after two intervals without a frame.
        heartbeat: Math.max(1, Math.floor(sessionTimeoutMs / 2000)),
      },
      {
        ...tls,
        noDelay: true,
        timeout: connectTimeoutMs,
        clientProperties: { connection_name: `herald ${purpose}` },
      },
    )
    const connection = await withTimeout(connecting, connectTimeoutMs, 'the handshake')
    connection.on('error', (error) => this.#logger.debug({ err: error }, 'connection lost'))
    return connection
  }
}

/** Rejects after `timeoutMs`. A connection that opens after that is closed again. */
async function withTimeout<T>(work: Promise<T>, timeoutMs: number, awaited: string) {
  let timer: NodeJS.Timeout | undefined
  const timedOut = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${awaited} did not come within ${timeoutMs} ms`)),
      timeoutMs,
    )
  })
  try {
    return await Promise.race([work, timedOut])
  } catch (error) {
    work.then(
      (late) => closeQuietly(late as { close?: unknown }),
      () => {},
    )
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** Closes a connection or channel; never rejects, and waits 2 s at most. */
export async function closeQuietly(opened: { close?: unknown } | undefined): Promise<void> {
  if (typeof opened?.close !== 'function') return
  try {
    const closing = opened.close() as Promise<unknown>
    await Promise.race([closing, new Promise((resolve) => setTimeout(resolve, 2000).unref())])
    closing.catch(() => {})
  } catch {
    // It was closed already.
  }
}
