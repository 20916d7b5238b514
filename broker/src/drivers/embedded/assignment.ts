import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import type { Lanes } from '../../lanes.js'
import type { BrokerStore } from './broker-store.js'
import type { GroupMember, GroupName, TakenLease } from './groups.js'
import type { Holding } from './holding.js'
import type { Presence } from './presence.js'

export interface AssignmentOptions {
  readonly shared: BrokerStore
  readonly presence: Presence
  readonly name: GroupName
  readonly partitions: number
  readonly member: GroupMember
  /** Filled and emptied here. */
  readonly holdings: Map<number, Holding>
  readonly handoverMs: number
  readonly makeLanes: (from: bigint) => Lanes
  /** Writes what is acknowledged in the transaction under way. */
  readonly commitInside: (holding: Holding) => void
  /** Partitions were taken. */
  readonly onTaken: () => void
  readonly logger: Logger
}

const retryMs = 1000

/** Takes and hands over partitions so that this member of a group holds its share of them. */
export class Assignment {
  readonly #options: AssignmentOptions
  #generation = -1
  #rebalancing: Promise<void> | undefined
  #again = false
  #stopped = false

  constructor(options: AssignmentOptions) {
    this.#options = options
  }

  /** Enters the group and takes what is free. Rejects when the store cannot be written. */
  async join(): Promise<void> {
    await this.#rebalance()
  }

  /** Looks again if the group has changed. */
  wake(): void {
    const { shared, name } = this.#options
    if (shared.groups.generation(name) !== this.#generation) this.look()
  }

  /** Looks who is there and does what is due. Writes only when something is to change. */
  look(): void {
    this.#again = true
    if (this.#stopped) return
    this.#rebalancing ??= this.#rebalanceUntilSettled().finally(() => {
      this.#rebalancing = undefined
      if (this.#again) this.look()
    })
  }

  /** Lets go of every partition that the store says is another's. */
  loseWhatOthersTook(): void {
    const { shared, name, member, holdings } = this.#options
    for (const holding of holdings.values()) {
      if (!shared.groups.holds(name, member.id, holding)) this.lose(holding)
    }
  }

  lose(holding: Holding): void {
    const { logger, name, holdings } = this.#options
    holding.lanes.revoke()
    holdings.delete(holding.partition)
    // One being handed over is let go by ourselves.
    if (holding.handover !== undefined) return
    logger.warn({ ...name, partition: holding.partition }, 'partition lost to another member')
  }

  /** Those that are not being handed over, ascending. */
  kept(): Holding[] {
    const kept = [...this.#options.holdings.values()].filter((each) => each.handover === undefined)
    return kept.sort((a, b) => a.partition - b.partition)
  }

  /** Takes and hands over no more; resolves when what was under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#rebalancing
    await Promise.all([...this.#options.holdings.values()].map(({ handover }) => handover))
  }

  async #rebalanceUntilSettled(): Promise<void> {
    const { logger, name } = this.#options
    while (this.#again && !this.#stopped) {
      this.#again = false
      try {
        await this.#rebalance()
      } catch (error) {
        // The next look tries again.
        logger.error({ err: error, ...name }, 'could not take part in the group')
      }
    }
  }

  async #rebalance(): Promise<void> {
    const { shared, name, partitions, member, presence, holdings, onTaken } = this.#options
    this.#generation = shared.groups.generation(name)
    const gone = shared.groups.members(name).filter((other) => !presence.isLive(other))
    const dead = new Set(gone.map(({ id }) => id))
    this.loseWhatOthersTook()
    const known = () => new Set(holdings.keys())
    const plan = shared.groups.plan(name, partitions, member.id, dead, known())
    this.#handOverSome(plan.excess)
    if (plan.listed && plan.take.length === 0 && gone.length === 0) return
    const taken = await shared.store.write(() =>
      shared.groups.settle(name, partitions, member, dead, known()),
    )
    for (const { mark } of gone) presence.forget(mark)
    for (const lease of taken) this.#begin(lease)
    if (gone.length > 0 || !plan.listed) shared.store.bell.ring()
    if (taken.length > 0) onTaken()
  }

  #begin({ partition, epoch, offset }: TakenLease): void {
    const { shared, name, holdings, makeLanes, logger } = this.#options
    const from = BigInt(offset ?? shared.log.oldestOffset(name.topic, partition))
    const state = { lanes: makeLanes(from), committed: undefined, more: true, handover: undefined }
    holdings.set(partition, { partition, epoch, ...state })
    logger.debug({ ...name, partition, offset: String(from) }, 'partition taken')
  }

  #handOverSome(excess: number): void {
    const kept = this.kept()
    const underWay = this.#options.holdings.size - kept.length
    for (const holding of kept.toReversed().slice(0, Math.max(0, excess - underWay))) {
      holding.handover = this.#handOver(holding)
    }
  }

  async #handOver(holding: Holding): Promise<void> {
    const { shared, name, member, holdings, logger, handoverMs, commitInside } = this.#options
    const { partition, lanes } = holding
    await lanes.drain(handoverMs)
    while (holdings.get(partition) === holding) {
      try {
        await shared.store.write(() => {
          commitInside(holding)
          shared.groups.release(name, member.id, holding)
        })
        if (holdings.get(partition) === holding) holdings.delete(partition)
        shared.store.bell.ring()
        logger.debug({ ...name, partition }, 'partition handed over')
      } catch (error) {
        logger.error({ err: error, ...name, partition }, 'could not hand over, trying again')
        if (this.#stopped) return
        await wait(retryMs)
      }
    }
  }
}
