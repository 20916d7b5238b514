import type { Logger } from '@herald/runtime'
import type { BrokerStore } from './broker-store.js'
import type { GroupName, Lease } from './groups.js'
import type { Holding } from './holding.js'

export interface CommitsOptions {
  readonly shared: Pick<BrokerStore, 'store' | 'groups'>
  readonly name: GroupName
  readonly memberId: string
  readonly holdings: ReadonlyMap<number, Holding>
  /** The store refused: the partition has another holder. */
  readonly onLost: (holding: Holding) => void
  readonly logger: Logger
}

/** A commit costs a sync; those of a few milliseconds, over all partitions, share one. */
const everyMs = 5
const retryMs = 1000

/** Carries what the lanes have acknowledged into the store. */
export class Commits {
  readonly #options: CommitsOptions
  #timer: NodeJS.Timeout | undefined
  #underWay: Promise<void> | undefined
  #stopped = false

  constructor(options: CommitsOptions) {
    this.#options = options
  }

  /** Something was acknowledged. */
  soon(delayMs = everyMs): void {
    if (this.#stopped || this.#underWay !== undefined) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#underWay = this.#commit().then((nextMs) => {
        this.#underWay = undefined
        if (nextMs !== undefined) this.soon(nextMs)
      })
    }, delayMs)
  }

  /** Writes what is acknowledged in the transaction under way; false where the lease is lost. */
  commitInside(holding: Holding, offset = holding.lanes.committable): boolean {
    if (offset === undefined) return true
    const { shared, name, memberId } = this.#options
    return shared.groups.commit(name, memberId, holding satisfies Lease, Number(offset))
  }

  /** Commits no more of its own accord; resolves when none is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#underWay
  }

  /** Resolves to when to commit again, if that is known. */
  async #commit(): Promise<number | undefined> {
    const { shared, name, holdings, onLost, logger } = this.#options
    const behind = () =>
      [...holdings.values()].filter(({ lanes, committed }) => lanes.committable !== committed)
    const due = behind().map((holding) => ({ holding, offset: holding.lanes.committable }))
    try {
      const kept = await shared.store.write(() =>
        due.map(({ holding, offset }) => this.commitInside(holding, offset)),
      )
      due.forEach(({ holding, offset }, index) => {
        if (kept[index]) holding.committed = offset
        else if (holdings.get(holding.partition) === holding) onLost(holding)
      })
      return behind().length > 0 ? everyMs : undefined
    } catch (error) {
      logger.error({ err: error, ...name }, 'could not commit, trying again')
      return retryMs
    }
  }
}
