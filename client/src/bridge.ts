import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Broker, BrokerError, RetryLater, type Subscription } from '@herald/broker'
import { brokerName } from '@herald/broker/broker-name'

export interface BridgeOptions {
  readonly from: Broker
  readonly to: Broker
  readonly topic: string
  /** The consumer group on the source, which has the position of the copy. */
  readonly group: string
  /** Leave out what the target refuses for good, as it is too large; else it is tried again until it is accepted. */
  readonly skipRefused: boolean
  /** Called for each event that could not be copied now. */
  readonly onError: (position: string, error: Error) => void
}

export interface BridgeCounts {
  readonly copied: number
  /** Without a value: they delete a key of a compacted topic, and are no events. */
  readonly tombstones: number
  readonly refused: number
}

const retryRefusedMs = 60_000
const checkEveryMs = 200

/**
 * Copies a topic from one broker to another: key, value and headers as they are, the events of a key in
 * order. An event is acknowledged on the source when the target has stored it, so a copy may come twice
 * after a crash, with the same event id.
 */
export class Bridge {
  readonly #options: BridgeOptions
  #subscription: Subscription | undefined
  #copied = 0
  #tombstones = 0
  #refused = 0

  constructor(options: BridgeOptions) {
    this.#options = options
  }

  get counts(): BridgeCounts {
    return { copied: this.#copied, tombstones: this.#tombstones, refused: this.#refused }
  }

  /** Creates the topic on both, and begins. Rejects with BrokerError. */
  async start(): Promise<void> {
    const { from, to, topic, group, skipRefused, onError } = this.#options
    await to.createTopic(topic)
    const options = { topic, group, maxInFlight: 256, maxBuffered: 2048 }
    this.#subscription = await from.subscribe(options, async (delivery) => {
      const { key, value, headers, raw, position } = delivery
      if (value.byteLength === 0) {
        this.#tombstones += 1
        return
      }
      try {
        await to.publish(topic, [{ key, value, headers, ...(raw && { raw }) }])
        this.#copied += 1
      } catch (error) {
        onError(position, error as Error)
        if (!(error instanceof BrokerError && error.rejectsMessage)) throw error
        if (!skipRefused) throw new RetryLater(retryRefusedMs, { cause: error })
        this.#refused += 1
      }
    })
  }

  /** Resolves when everything published so far is copied, or when `signal` is aborted. */
  async untilCopied(signal: AbortSignal): Promise<void> {
    const { lagDelayMs } = this.#options.from.features
    while (!signal.aborted) {
      if (await this.#isDone()) {
        await delay(lagDelayMs, undefined, { signal }).catch(() => {})
        if (await this.#isDone()) return
      }
      await delay(checkEveryMs, undefined, { signal }).catch(() => {})
    }
  }

  /** Finishes what is being copied and commits it. */
  async close(): Promise<void> {
    await this.#subscription?.close()
  }

  async #isDone(): Promise<boolean> {
    const subscription = this.#subscription
    return subscription?.active === true && (await subscription.lag()) === 0
  }
}

/** The same for each run with this target, whatever its user, options and the order of its hosts. */
export function bridgeGroup(to: string): string {
  const hash = createHash('sha256').update(brokerName(to)).digest('hex').slice(0, 12)
  return `herald-bridge-${hash}`
}

const defaultPorts: Readonly<Record<string, number>> = {
  kafka: 9092,
  amqp: 5672,
  amqps: 5671,
  nats: 4222,
  tls: 4222,
}

/** Whether both URLs name the same folder, or have a server in common: a topic would be copied onto itself. */
export function isSameBroker(one: string, other: string): boolean {
  const addresses = addressesOf(one)
  return addressesOf(other).some((address) => addresses.includes(address))
}

function addressesOf(url: string): string[] {
  const name = brokerName(url)
  const [, scheme = '', hosts] = /^([a-z]+):\/\/(.+)$/.exec(name) ?? []
  if (hosts === undefined) return [name]
  return hosts
    .split(',')
    .map((host) => host.replace(/^localhost(?=:|$)/, '127.0.0.1'))
    .map((host) => (/:\d+$/.test(host) ? host : `${host}:${defaultPorts[scheme]}`))
}
