import { setTimeout as pause } from 'node:timers/promises'
import { BrokerError, openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import type { TestEvent } from './events.js'

export interface Paced {
  readonly broker: string
  readonly topic: string
  /** Events per second; Infinity: as fast as possible. */
  readonly perSecond: number
  /** Called with the number of published events. */
  readonly onProgress?: (published: number) => void
}

const maxBatch = 100

/** Publishes in order and retries what the broker did not acknowledge, until all are published. */
export async function publishPaced(
  events: readonly TestEvent[],
  { broker: url, topic, perSecond, onProgress }: Paced,
): Promise<void> {
  const broker = await openBroker(url, { logger: silentLogger })
  try {
    const startedAt = Date.now()
    for (let published = 0; published < events.length; ) {
      const due = Math.floor(((Date.now() - startedAt) / 1000) * perSecond) || 0
      const until = Math.min(
        events.length,
        published + maxBatch,
        perSecond === Infinity ? Infinity : due,
      )
      if (until <= published) {
        await pause(20)
        continue
      }
      const batch = events.slice(published, until).map(({ message }) => message)
      try {
        await broker.publish(topic, batch)
      } catch (error) {
        if (!(error instanceof BrokerError && error.retryable)) throw error
        continue
      }
      published = until
      onProgress?.(published)
    }
  } finally {
    await broker.close()
  }
}
