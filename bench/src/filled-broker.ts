import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime'
import { makeEvents } from './events.js'
import { freshGroup } from './notifier.js'
import { runConcurrently } from './per-second.js'
import { withResolver } from './with-resolver.js'

const topic = 'notifications'
/** Events published at once share a transaction. */
const atOnce = 5000
const callers = 32

export interface FilledBroker {
  /** Publishes `events`, one per call, 32 callers at once. Resolves to the mean cost in µs. */
  publishCost(events: number): Promise<number>
  /** Reads `events` with a new group, from the oldest on. Resolves to the mean cost in µs. */
  readCost(events: number): Promise<number>
  close(): Promise<void>
}

/** An embedded broker in a fresh folder with this many events of about 1.2 KB in 8 partitions. */
export async function openFilledBroker(folder: string, events: number): Promise<FilledBroker> {
  const url = `embedded:${mkdtempSync(join(folder, 'broker-'))}`
  const broker = await openBroker(url, { logger: silentLogger })
  const batch = makeEvents(Math.min(atOnce, events))
  for (let at = 0; at < events; at += atOnce) {
    await broker.publish(topic, batch.slice(0, events - at))
  }
  return {
    async publishCost(count) {
      const fresh = makeEvents(count)
      const from = performance.now()
      await runConcurrently(count, callers, (index) =>
        broker.publish(topic, [fresh[index] as (typeof fresh)[0]]),
      )
      return ((performance.now() - from) * 1000) / count
    },
    async readCost(count) {
      let seen = 0
      let from = 0
      const { promise, resolve } = withResolver<number>()
      const subscription = await broker.subscribe({ topic, group: freshGroup() }, async () => {
        if (seen === 0) from = performance.now()
        if (++seen === count) resolve(((performance.now() - from) * 1000) / count)
      })
      const cost = await promise
      await subscription.close()
      return cost
    },
    close: () => broker.close(),
  }
}
