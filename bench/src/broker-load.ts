import { setTimeout as pause } from 'node:timers/promises'
import { type Broker, type Handler, type Message, openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { makeEvent } from './events.js'
import { freshGroup } from './notifier.js'
import { perSecond } from './per-second.js'
import { percentile } from './rounds.js'
import { withResolver } from './with-resolver.js'

const batch = 500

/** Publishes the events, 500 in a call. */
export async function fillTopic(
  url: string,
  topic: string,
  events: readonly Message[],
): Promise<void> {
  await withBroker(url, async (broker) => {
    for (let at = 0; at < events.length; at += batch) {
      await broker.publish(topic, events.slice(at, at + batch))
    }
  })
}

/** Events published per second, one in a call, `callers` calls at once. */
export function publishRate(
  url: string,
  topic: string,
  events: readonly Message[],
  callers: number,
): Promise<number> {
  return withBroker(url, async (broker) => {
    // Connects and creates the topic.
    await broker.publish(topic, [makeEvent('first@example.com')])
    return perSecond(events.length, callers, (index) =>
      broker.publish(topic, [events[index] as Message]),
    )
  })
}

/**
 * Events handled per second by a fresh group whose handler resolves at once. From the first delivery
 * until the subscription has closed, which commits what was acknowledged. `topic` has `count` events.
 */
export function consumeRate(url: string, topic: string, count: number): Promise<number> {
  return withBroker(url, async (broker) => {
    const seen = new Set<string>()
    const { promise: isDone, resolve } = withResolver<void>()
    let firstAt = 0
    const handler: Handler = async ({ position }) => {
      if (firstAt === 0) firstAt = performance.now()
      seen.add(position)
      if (seen.size === count) resolve()
    }
    const subscription = await broker.subscribe({ topic, group: freshGroup() }, handler)
    await isDone
    await subscription.close()
    return (count * 1000) / (performance.now() - firstAt)
  })
}

/** The median time from the call of `publish` to the start of the handler, in ms: one event at a time. */
export function deliveryLatency(
  url: string,
  topic: string,
  { events, gapMs }: { events: number; gapMs: number },
): Promise<number> {
  return withBroker(url, async (broker) => {
    const waiting = new Map<string, () => void>()
    const handler: Handler = async ({ key }) => waiting.get(key ?? '')?.()
    const deliver = async (address: string) => {
      const event = makeEvent(address)
      const arrived = new Promise<void>((resolve) => waiting.set(event.key ?? '', resolve))
      const from = performance.now()
      const handled = arrived.then(() => performance.now() - from)
      await broker.publish(topic, [event])
      return handled
    }
    const group = freshGroup()
    const subscription = await broker.subscribe({ topic, group }, handler)
    // The group divides the partitions, and each of them is used once before.
    for (let index = 0; index < 64; index++) await deliver(`warm-up-${index}-${group}@example.com`)
    const latencies: number[] = []
    for (let index = 0; index < events; index++) {
      await pause(gapMs)
      latencies.push(await deliver(`reader-${index}-${group}@example.com`))
    }
    await subscription.close()
    return percentile(latencies, 50)
  })
}

async function withBroker<Result>(
  url: string,
  work: (broker: Broker) => Promise<Result>,
): Promise<Result> {
  const broker = await openBroker(url, { logger: silentLogger })
  try {
    return await work(broker)
  } finally {
    await broker.close()
  }
}
