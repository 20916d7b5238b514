import type { BrokerStore } from './broker-store.js'

/** Others wait for the store meanwhile. */
const atOnce = 500

/** Removes the events that their topic no longer keeps, a few per transaction, until done or aborted. */
export async function removeExpired(
  { store, log }: Pick<BrokerStore, 'store' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  for (const { name, settings } of log.topics()) {
    const before = Date.now() - settings.retentionMs
    for (let partition = 0; partition < settings.partitions; partition += 1) {
      while (!signal.aborted && log.hasOlderThan(name, partition, before)) {
        await store.write(() => log.removeOlderThan(name, partition, before, atOnce))
      }
    }
  }
}
