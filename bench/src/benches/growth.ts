import type { Bench, BenchStage, Contest } from '../bench.js'
import { openFilledBroker } from '../filled-broker.js'
import { openFilledLedger } from '../filled-ledger.js'

export const growth: Bench = {
  name: 'growth',
  about: 'what an event costs the ledger and the embedded broker when they hold much',
  guarantees: 'every write synced, 32 under way at a time sharing their syncs',
  async open(stage) {
    const few = stage.short ? 100 : 1000
    const [many, most] = stage.short ? [300, 1000] : [100_000, 1_000_000]
    // So few that a small store is still a small one when they are done.
    const events = stage.short ? 50 : 640
    const measureLedger = against(stage, openFilledLedger, few, (ledger) => ledger.cost(events))
    const publishing = against(stage, openFilledBroker, few, (broker) => broker.publishCost(events))
    const reading = against(stage, openFilledBroker, few, (broker) => broker.readCost(few / 2))

    const contest = (
      variant: string,
      { ours, theirs }: Pick<Contest, 'ours' | 'theirs'>,
    ): Contest => ({
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
    stage.say(`filling a ledger with ${many} mails, one with ${most}, a broker with ${most} events`)
    const [large, largest, broker] = [
      await openFilledLedger(stage.folder, many),
      await openFilledLedger(stage.folder, most),
      await openFilledBroker(stage.folder, most),
    ]
    for (const each of [large, largest, broker]) stage.defer(() => each.close())
    return [
      contest(`ledger of ${many}`, measureLedger(large)),
      contest(`ledger of ${most}`, measureLedger(largest)),
      contest(`embedded broker of ${most}, publish`, publishing(broker)),
      contest(`embedded broker of ${most}, read`, reading(broker)),
    ]
  },
}

/** Measures one that is full beside a fresh one with few in it, so that no round makes those many. */
function against<Store extends { close(): Promise<void> }>(
  { folder }: BenchStage,
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
