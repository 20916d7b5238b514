import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import {
  type Broker,
  type Delivery,
  type Handler,
  type Message,
  type OpenBrokerOptions,
  openBroker,
} from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { afterEach, beforeEach, vi } from 'vitest'

/** What the brokers of a test connect to. */
export interface TestBroker {
  readonly url: string
  /** Kills the server and starts it again with its data. Absent if there is no server. */
  restart?(): Promise<void>
  /** The processes that store events now. The conformance suite needs it. */
  storingPids?(): Promise<number[]>
  dispose(): Promise<void>
}

/** What a case works with: a fresh topic, and brokers that are closed after it. */
export interface Fixture {
  readonly url: string
  readonly topic: string
  readonly restart: TestBroker['restart']
  storingPids(): Promise<number[]>
  /** A topic that this broker creates gets 8 partitions. */
  open(options?: Partial<OpenBrokerOptions>): Promise<Broker>
  /** Waits for the condition, up to a limit that only a hang reaches. */
  until(condition: () => void): Promise<void>
}

/** Sets up a fresh fixture for each test of the `describe` it is called in. */
export function useFixture(createBroker: () => Promise<TestBroker>): Fixture {
  let server: TestBroker
  let topic: string
  let brokers: Broker[]
  beforeEach(async () => {
    server = await createBroker()
    topic = `conformance-${randomUUID()}`
    brokers = []
  })
  afterEach(async () => {
    await Promise.all(brokers.map((broker) => broker.close()))
    await server.dispose()
  })
  return {
    get url() {
      return server.url
    },
    get restart() {
      return server.restart
    },
    async storingPids() {
      const pids = await server.storingPids?.()
      if (pids === undefined)
        throw new Error('The test broker does not name the processes that store')
      return pids
    },
    get topic() {
      return topic
    },
    async open(options = {}) {
      const broker = await openBroker(server.url, { logger: silentLogger, ...options })
      brokers.push(broker)
      return broker
    },
    until: (condition) =>
      // Polling more often would slow down the consumers in this process.
      vi.waitFor(condition, { timeout: 60_000, interval: 20 }),
  }
}

/**
 * Runs `check` for a feature. If the driver does not declare it, `check` has to fail: a driver
 * declares all it can do.
 */
export async function holdToDeclared(
  feature: string,
  isDeclared: boolean,
  check: () => Promise<void>,
): Promise<void> {
  if (isDeclared) return check()
  const failed = await check().then(
    () => false,
    () => true,
  )
  if (!failed) throw new Error(`The driver can do what it does not declare: ${feature}.`)
}

/** Retries until the publish succeeds, as the outbox's relay does. Returns the number of retries. */
export async function publishPersistently(
  broker: Broker,
  topic: string,
  messages: readonly Message[],
): Promise<number> {
  for (let retries = 0; ; retries += 1) {
    try {
      await broker.publish(topic, messages)
      return retries
    } catch {
      await wait(100)
    }
  }
}

/** An event recognised by its id: `key/number`. */
export function event(key: string | null, number: number): Message {
  return { key, value: Buffer.from(`${key}/${number}`), headers: {} }
}

/** `rounds` events of each of `keys` keys, interleaved. */
export function interleaved(keys: number, rounds: number, firstRound = 0): Message[] {
  return Array.from({ length: keys * rounds }, (_, index) =>
    event(`k${index % keys}`, firstRound + Math.floor(index / keys)),
  )
}

export const idOf = ({ value }: Pick<Message, 'value'>) => Buffer.from(value).toString()

/** A handler that records what was acknowledged. */
export function collector(handle: Handler = async () => {}) {
  const deliveries: Delivery[] = []
  const seen = new Set<string>()
  return {
    deliveries,
    /** Their ids, updated with each delivery: cheap to poll. */
    seen: seen as ReadonlySet<string>,
    get ids() {
      return deliveries.map(idOf)
    },
    handler: (async (delivery, context) => {
      await handle(delivery, context)
      deliveries.push(delivery)
      seen.add(idOf(delivery))
    }) satisfies Handler,
  }
}

/** Measures the longest time between two handled events of a key. */
export function pauseMeter() {
  const lastAt = new Map<string | null, number>()
  let longestMs = 0
  return {
    get longestMs() {
      return Math.round(longestMs)
    },
    record(key: string | null) {
      const now = performance.now()
      longestMs = Math.max(longestMs, now - (lastAt.get(key) ?? now))
      lastAt.set(key, now)
    },
  }
}

/** The keys whose events were not first seen in the order of their numbers. */
export function keysOutOfOrder(ids: readonly string[]): string[] {
  const last = new Map<string, number>()
  const wrong = new Set<string>()
  for (const id of new Set(ids)) {
    const [key = '', number] = id.split('/')
    if (Number(number) !== (last.get(key) ?? -1) + 1) wrong.add(key)
    last.set(key, Number(number))
  }
  return [...wrong]
}
