import { openBroker } from '@herald/broker'
import { fromMessage, type ReceivedEvent } from '@herald/broker/message'
import { silentLogger } from '@herald/runtime/logger'
import { vi } from 'vitest'

/** Every event on the topic `notifications` of the broker, as a new group gets them. */
export async function readTopic(brokerUrl: string): Promise<ReceivedEvent[]> {
  const broker = await openBroker(brokerUrl, { logger: silentLogger })
  try {
    const events: ReceivedEvent[] = []
    const subscription = await broker.subscribe(
      { topic: 'notifications', group: `test-${Math.random()}` },
      async (delivery) => {
        events.push(fromMessage(delivery))
      },
    )
    await vi.waitFor(
      async () => {
        if (!subscription.active || (await subscription.lag()) > 0)
          throw new Error('events are still to come')
      },
      { timeout: 60_000, interval: 20 },
    )
    await subscription.close()
    return events
  } finally {
    await broker.close()
  }
}
