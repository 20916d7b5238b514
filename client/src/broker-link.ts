import { setTimeout as sleep } from 'node:timers/promises'
import { type Broker, BrokerError, openBroker } from '@herald/broker'
import { HeraldError } from '@herald/proto/errors'
import { silentLogger } from '@herald/runtime/logger'

/** How long the work waits for a broker before it begins without it. */
const headStartMs = 300

/** A broker that may be unreachable. Opens it early, and reports a failure to those who wait. */
export class BrokerLink {
  readonly #url: string
  /** Opened, and not yet taken by a relay. */
  #pending: Promise<Broker> | undefined
  #opened: Broker | undefined
  #error: BrokerError | undefined
  #retried: BrokerError | undefined
  #fail = () => {}
  /** Resolves once the broker could not be opened; else never. */
  readonly failed = new Promise<undefined>((resolve) => {
    this.#fail = () => resolve(undefined)
  })

  constructor(url: string) {
    this.#url = url
  }

  /** Why it could not be opened, the last time; else why the last attempt failed that it repeats. */
  get lastError(): string | undefined {
    return (this.#error ?? this.#retried)?.message
  }

  /** Begins to open the broker. Rejects with HERALD_USAGE for a URL of no known broker. */
  async open(): Promise<void> {
    this.#pending ??= this.#open()
    const settled = this.#pending.then(
      () => {},
      () => {},
    )
    await Promise.race([settled, sleep(headStartMs, undefined, { ref: false })])
    const cause = this.#error
    if (cause?.code !== 'BROKER_BAD_URL') return
    throw new HeraldError('HERALD_USAGE', `HERALD_BROKER: ${cause.message}`, { cause })
  }

  /** The broker, for a relay, which closes it. Rejects with BrokerError. */
  readonly take = (): Promise<Broker> => {
    const broker = this.#pending ?? this.#open()
    this.#pending = undefined
    return broker
  }

  /**
   * Whether a consumer has ever joined the topic; undefined if the broker is not open here or cannot
   * answer. Does not reject.
   */
  async hasHadConsumers(topic: string): Promise<boolean | undefined> {
    try {
      return await this.#opened?.hasHadConsumers?.(topic)
    } catch {
      return undefined
    }
  }

  /** Closes a broker that no relay took. Idempotent. */
  async close(): Promise<void> {
    const broker = await this.#pending?.catch(() => undefined)
    this.#pending = undefined
    await broker?.close()
  }

  async #open(): Promise<Broker> {
    try {
      this.#opened = await openBroker(this.#url, {
        logger: silentLogger,
        onRetry: (error) => {
          this.#retried = error
        },
      })
      return this.#opened
    } catch (error) {
      this.#error =
        error instanceof BrokerError
          ? error
          : new BrokerError('BROKER_FAILED', (error as Error).message, { cause: error })
      this.#fail()
      throw error
    }
  }
}
