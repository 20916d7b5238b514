import type { Store, Table } from '@herald/runtime/store'

/** A consumer group on a topic. */
export interface GroupName {
  readonly topic: string
  readonly group: string
}

/** The lease on a group. `epoch` is one higher each time the lease is acquired. */
interface GroupLease {
  readonly epoch: number
  /** The heartbeat file of the active consumer; null: there is none. */
  readonly holder: string | null
}

type GroupKey = [topic: string, group: string]
type PartitionKey = [topic: string, group: string, partition: number]

/**
 * Which consumer of a group is active, and what the group has committed. Only the consumer that
 * acquired the current epoch can commit or release: both check it in their own transaction.
 */
export class Groups {
  readonly #leases: Table<GroupLease, GroupKey>
  /** The table's name and `offset` are those of version 0.1.0, whose rows had more fields. */
  readonly #committed: Table<{ readonly offset: number | null }, PartitionKey>

  constructor(store: Store) {
    this.#leases = store.table('group-leases')
    this.#committed = store.table('group-shares')
  }

  lease({ topic, group }: GroupName): GroupLease {
    return this.#leases.get([topic, group]) ?? { epoch: 0, holder: null }
  }

  /** Whether a group has ever subscribed to the topic. */
  hasAny(topic: string): boolean {
    const range = { start: [topic, ''], end: [topic, '\uffff'], limit: 1 }
    return this.#leases.count(range) + this.#committed.count(range) > 0
  }

  /**
   * Makes `holder` the active consumer if the lease is still `observed`. Returns the new epoch;
   * undefined: another consumer was first. Inside `Store.write`.
   */
  acquire(name: GroupName, holder: string, observed: GroupLease): number | undefined {
    const { epoch, holder: current } = this.lease(name)
    if (epoch !== observed.epoch || current !== observed.holder) return undefined
    this.#leases.put([name.topic, name.group], { epoch: epoch + 1, holder })
    return epoch + 1
  }

  /** The next offset to deliver; undefined if the group has not committed in this partition. */
  committed({ topic, group }: GroupName, partition: number): number | undefined {
    return this.#committed.get([topic, group, partition])?.offset ?? undefined
  }

  /**
   * Commits the next offset of each partition, never moving one back. Returns false, and changes
   * nothing, if `epoch` is over. Inside `Store.write`.
   */
  commit(name: GroupName, epoch: number, offsets: ReadonlyMap<number, number>): boolean {
    if (this.lease(name).epoch !== epoch) return false
    for (const [partition, offset] of offsets) {
      if (offset <= (this.committed(name, partition) ?? -1)) continue
      this.#committed.put([name.topic, name.group, partition], { offset })
    }
    return true
  }

  /** Leaves the group without an active consumer, if `epoch` is not over. Inside `Store.write`. */
  release(name: GroupName, epoch: number): void {
    if (this.lease(name).epoch !== epoch) return
    this.#leases.put([name.topic, name.group], { epoch, holder: null })
  }
}
