import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Broker, Delivery } from '@herald/broker'

const lookEveryMs = 50

/**
 * Hands every event that `topic` holds now to `take`, those of one partition in their order;
 * resolves after the last. Takes nothing away from anybody: it reads in a consumer group of its
 * own, never used again. Rejects with BrokerError, or as `signal` says.
 */
export async function readWholeTopic(
  broker: Broker,
  topic: string,
  signal: AbortSignal,
  take: (delivery: Delivery) => void,
): Promise<void> {
  const group = `herald-reader-${randomUUID()}`
  const subscription = await broker.subscribe(
    { topic, group, maxInFlight: 256 },
    async (delivery) => take(delivery),
  )
  try {
    // Alone in the group it holds every partition, once it holds any.
    while (subscription.partitions.length === 0 || (await subscription.lag()) > 0) {
      await pause(lookEveryMs, undefined, { signal })
    }
  } finally {
    await subscription.close()
  }
}
