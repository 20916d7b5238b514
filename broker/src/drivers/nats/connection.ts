import type { Logger } from '@herald/runtime'
import {
  type Authenticator,
  connect,
  credsAuthenticator,
  errors,
  type NatsConnection,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'
import { backOffMs } from '../../back-off.js'
import type { NatsLocation, NatsLogin } from './location.js'

/** An open connection. */
export interface Link {
  readonly nats: NatsConnection
  /** Rejects with a ConnectionError as soon as the connection is lost; the library would wait for an answer. */
  orLost<T>(answer: Promise<T>): Promise<T>
  /** Calls `listener` when the connection is lost, and when it is there again. Returns the function that ends it. */
  watch(listener: (isConnected: boolean) => void): () => void
}

const maxReconnectWaitMs = 2000

/**
 * A connection that is opened when it is first needed. One that does not reconnect is replaced by the
 * next `open` after it is lost.
 */
export class LazyConnection {
  readonly #location: NatsLocation
  readonly #reconnects: boolean
  readonly #logger: Logger
  #current: Promise<Link> | undefined

  constructor(location: NatsLocation, logger: Logger, options: { reconnects: boolean }) {
    this.#location = location
    this.#logger = logger
    this.#reconnects = options.reconnects
  }

  /** Rejects with the library's error; the next call tries again. */
  open(): Promise<Link> {
    if (this.#current !== undefined) return this.#current
    const opened = this.#open()
    this.#current = opened
    const forget = () => {
      if (this.#current === opened) this.#current = undefined
    }
    opened.then(({ nats }) => nats.closed().then(forget), forget)
    return opened
  }

  /** Closes it: what waits on it fails, and the next `open` makes another one. */
  async close(): Promise<void> {
    const current = this.#current
    this.#current = undefined
    await current?.then(({ nats }) => nats.close()).catch(() => {})
  }

  async #open(): Promise<Link> {
    const { servers, tls, login, connectTimeoutMs } = this.#location
    let failures = 0
    const nats = await connect({
      name: 'herald',
      servers: [...servers],
      ...(tls && { tls }),
      ...(login && { authenticator: authenticator(login) }),
      timeout: connectTimeoutMs,
      pingInterval: 5000,
      maxPingOut: 2,
      reconnect: this.#reconnects,
      maxReconnectAttempts: -1,
      // Rights may be given back, and credentials renewed.
      ignoreAuthErrorAbort: true,
      reconnectDelayHandler: () => {
        failures += 1
        return 50 + backOffMs(failures, 200, maxReconnectWaitMs)
      },
    })
    const link = new WatchedLink(nats)
    void (async () => {
      for await (const { type } of nats.status()) {
        this.#logger.debug({ nats: type }, 'NATS client reports')
        if (type === 'reconnect') failures = 0
        if (type === 'reconnect' || type === 'disconnect') link.set(type === 'reconnect')
      }
    })()
    void nats.closed().then(() => link.set(false))
    return link
  }
}

class WatchedLink implements Link {
  readonly nats: NatsConnection
  readonly #listeners = new Set<(isConnected: boolean) => void>()
  #isConnected = true

  constructor(nats: NatsConnection) {
    this.nats = nats
  }

  set(isConnected: boolean): void {
    if (isConnected === this.#isConnected) return
    this.#isConnected = isConnected
    for (const listener of [...this.#listeners]) listener(isConnected)
  }

  watch(listener: (isConnected: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  orLost<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const lost = () => reject(new errors.ConnectionError('connection lost'))
      if (!this.#isConnected) lost()
      const unwatch = this.watch((isConnected) => isConnected || lost())
      answer.then(resolve, reject).finally(unwatch)
    })
  }
}

function authenticator(login: NatsLogin): Authenticator {
  switch (login.kind) {
    case 'password':
      return usernamePasswordAuthenticator(login.user, login.password)
    case 'token':
      return tokenAuthenticator(login.token)
    case 'creds':
      return credsAuthenticator(login.creds)
    case 'nkey':
      return nkeyAuthenticator(login.seed)
  }
}
