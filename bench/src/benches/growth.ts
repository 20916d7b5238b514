import type { Bench, BenchContext, Comparison } from '../bench.js'
import { openFilledBroker } from '../filled-broker.js'
import { openFilledLedger } from '../filled-ledger.js'

export const growth: Bench = {
  name: 'growth',
  about: 'what an event costs a ledger and an embedded broker that hold many',
  guarantees: 'every write synced; 32 writers at a time share syncs',
  async open(context) {
    const few = context.short ? 100 : 1000
    const [many, most] = context.short ? [300, 1000] : [100_000, 1_000_000]
    // Few, so that a small store is still small afterwards.
    const events = context.short ? 50 : 640
    const measureLedger = compareWithSmall(context, openFilledLedger, few, (ledger) =>
      ledger.cost(events),
    )
    const publishing = compareWithSmall(context, openFilledBroker, few, (broker) =>
      broker.publishCost(events),
    )
    const reading = compareWithSmall(context, openFilledBroker, few, (broker) =>
      broker.readCost(few / 2),
    )

    const comparison = (
      variant: string,
      { ours, theirs }: Pick<Comparison, 'ours' | 'theirs'>,
    ): Comparison => ({
      variant,
      rival: `itself at ${few}`,
      rivalGuarantees: 'the same',
      unit: 'µs/event',
      floor: { atMost: 1.2 },
      goal: { atMost: 1.05 },
      rounds: 21,
      ours,
      theirs,
    })
    context.log(
      `filling a ledger with ${many} mails, one with ${most}, a broker with ${most} events`,
    )
    const [large, largest, broker] = [
      await openFilledLedger(context.folder, many),
      await openFilledLedger(context.folder, most),
      await openFilledBroker(context.folder, most),
    ]
    for (const each of [large, largest, broker]) context.defer(() => each.close())
    return [
      comparison(`ledger of ${many}`, measureLedger(large)),
      comparison(`ledger of ${most}`, measureLedger(largest)),
      comparison(`embedded broker of ${most}, publish`, publishing(broker)),
      comparison(`embedded broker of ${most}, read`, reading(broker)),
    ]
  },
}

/** Compares a full store with a fresh small one: a new one in each round, so that it stays small. */
function compareWithSmall<Store extends { close(): Promise<void> }>(
  { folder }: BenchContext,
  openFilled: (folder: string, entries: number) => Promise<Store>,
  few: number,
  measure: (store: Store) => Promise<number>,
) {
  return (full: Store) => ({
    ours: () => measure(full),
    async theirs() {
      const small = await openFilled(folder, few)
      const figure = await measure(small)
      await small.close()
      return figure
    },
  })
}
