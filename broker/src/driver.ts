import { setTimeout as delay } from 'node:timers/promises'
import { backOffMs } from './back-off.js'
import {
  type Broker,
  BrokerError,
  type BrokerFeatures,
  type Handler,
  type Message,
  type PublishedPosition,
  type SubscribeOptions,
  type Subscription,
} from './broker.js'
import { checkMessages, checkSubscription, checkTopic } from './check-request.js'

/**
 * What differs between brokers. Arguments are checked before, nothing is called after `close`, and
 * errors are passed to `asBrokerError`.
 */
export interface Driver {
  readonly features: BrokerFeatures
  /** As Broker.createTopic. */
  ensureTopic(topic: string): Promise<unknown>
  /** As Broker.publish; at least one message. */
  publish(topic: string, messages: readonly Message[]): Promise<PublishedPosition[]>
  /** A member of the group, before it joins. */
  createConsumer(member: MemberOptions): Promise<DriverConsumer>
  /** As Broker.hasHadConsumers. */
  hasHadConsumers?(topic: string): Promise<boolean>
  /** `what` names what failed: `cannot publish to notifications`. A BrokerError is returned unchanged. */
  asBrokerError(what: string, error: unknown): BrokerError
  /**
   * Ends what waits for the server, and disconnects when `callsEnded` has settled: consumers may commit
   * until then. It rejects if a consumer could not be closed.
   */
  close(callsEnded: Promise<void>): Promise<void>
}

export interface MemberOptions {
  readonly subscription: SubscribeOptions
  readonly handler: Handler
  readonly onClosed: () => void
}

export interface DriverConsumer extends Subscription {
  join(): Promise<void>
}

/** The same for each driver: checks of requests, the closed state, and which error a call rejects with. */
export function createBroker(driver: Driver): Broker {
  const consumers = new Set<DriverConsumer>()
  const calls = new Set<Promise<unknown>>()
  let closed: Promise<void> | undefined

  function requireOpen(): void {
    if (closed === undefined) return
    throw new BrokerError('BROKER_CLOSED', 'The broker is closed. Open another one.')
  }

  async function run<T>(what: string, action: () => Promise<T>): Promise<T> {
    const call = action()
    calls.add(call)
    try {
      return await call
    } catch (error) {
      throw driver.asBrokerError(what, error)
    } finally {
      calls.delete(call)
    }
  }

  /** For calls that `close` ends: what they failed with is then of no interest. */
  async function runWhileOpen<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await run(what, action)
    } catch (error) {
      requireOpen()
      throw error
    }
  }

  async function join(subscription: SubscribeOptions, handler: Handler): Promise<Subscription> {
    const consumer: DriverConsumer = await driver.createConsumer({
      subscription,
      handler,
      onClosed: () => consumers.delete(consumer),
    })
    if (closed !== undefined) await consumer.close()
    requireOpen()
    consumers.add(consumer)
    await consumer.join()
    return consumer
  }

  async function endCalls(): Promise<void> {
    const closing = Promise.allSettled([...consumers].map((consumer) => consumer.close()))
    await Promise.allSettled(calls)
    const failed = (await closing).find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  const { hasHadConsumers } = driver
  return {
    features: driver.features,

    async createTopic(topic) {
      requireOpen()
      checkTopic(topic)
      await runWhileOpen(`cannot create the topic ${topic}`, () => driver.ensureTopic(topic))
    },

    async publish(topic, messages) {
      requireOpen()
      checkTopic(topic)
      checkMessages(messages, driver.features.maxMessageBytes)
      if (messages.length === 0) return []
      return run(`cannot publish to ${topic}`, () => driver.publish(topic, messages))
    },

    async subscribe(options, handler) {
      requireOpen()
      checkTopic(options.topic)
      checkSubscription(options)
      const what = `cannot subscribe to ${options.topic} as ${options.group}`
      return runWhileOpen(what, () => join(options, handler))
    },

    ...(hasHadConsumers && {
      async hasHadConsumers(topic: string) {
        requireOpen()
        const what = `cannot look for the groups of ${topic}`
        return runWhileOpen(what, () => hasHadConsumers.call(driver, topic))
      },
    }),

    close() {
      closed ??= driver.close(endCalls())
      return closed
    },
  }
}

export interface UntilReadyOptions {
  readonly isRetryable: (error: unknown) => boolean
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Called before each repetition. */
  readonly onRetry?: (error: unknown) => void
}

/** Repeats what fails with a retryable error: the server may just be starting. */
export async function untilReady<T>(
  action: () => Promise<T>,
  { isRetryable, timeoutMs, signal, onRetry }: UntilReadyOptions,
): Promise<T> {
  const endMs = performance.now() + timeoutMs
  for (let failures = 1; ; failures += 1) {
    try {
      return await action()
    } catch (error) {
      if (signal.aborted || !isRetryable(error) || performance.now() > endMs) throw error
      onRetry?.(error)
      await delay(50 + backOffMs(failures, 100, 1000), undefined, { signal }).catch(() => {
        throw error
      })
    }
  }
}
