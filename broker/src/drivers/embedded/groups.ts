import type { ProcessIdentity } from '@herald/runtime'
import type { Store, Table } from '@herald/runtime/store'

/** A consumer group on a topic. */
export interface GroupName {
  readonly topic: string
  readonly group: string
}

export interface GroupMember {
  readonly id: string
  readonly process: ProcessIdentity
  /** The name of the sign of life that its process renews. */
  readonly mark: string
}

/** A partition held: the epoch tells this holding from every other one of the partition. */
export interface Lease {
  readonly partition: number
  readonly epoch: number
}

export interface TakenLease extends Lease {
  /** The next offset to deliver; undefined when the group never committed here. */
  readonly offset: number | undefined
}

export interface Plan {
  /** Partitions to take now. */
  readonly take: readonly number[]
  /** How many partitions the member holds beyond its share. */
  readonly excess: number
  /** Whether the group lists the member. */
  readonly listed: boolean
}

interface StoredShare {
  readonly epoch: number
  readonly holder: string | null
  readonly offset: number | null
}

type MemberKey = [topic: string, group: string, id: string]
type ShareKey = [topic: string, group: string, partition: number]
const free: StoredShare = { epoch: 0, holder: null, offset: null }

/**
 * Who is in a group, who holds which partition, what is committed. A partition has one holder at
 * most: it is taken, committed and released in transactions that check holder and epoch. The
 * members' shares are even: of m members over p partitions the first p % m (by id) hold one more.
 * What changes something runs inside `Store.write`.
 */
export class Groups {
  readonly #members: Table<Omit<GroupMember, 'id'>, MemberKey>
  readonly #shares: Table<StoredShare, ShareKey>
  readonly #generations: Table<number, [topic: string, group: string]>

  constructor(store: Store) {
    this.#members = store.table('group-members')
    this.#shares = store.table('group-shares')
    this.#generations = store.table('group-generations')
  }

  /** Changes whenever a member comes or goes or a partition falls free. */
  generation({ topic, group }: GroupName): number {
    return this.#generations.get([topic, group]) ?? 0
  }

  /** Whether a group has ever joined the topic: a generation stays when its last member leaves. */
  hasAny(topic: string): boolean {
    const range = { start: [topic, ''], end: [topic, '\uffff'], limit: 1 }
    return this.#generations.count(range) > 0
  }

  /** Ascending by id. */
  members({ topic, group }: GroupName): GroupMember[] {
    const range = { start: memberKey(topic, group, ''), end: memberKey(topic, group, '\uffff') }
    return Array.from(this.#members.entries(range), ({ key: [, , id], value }) => ({
      id,
      ...value,
    }))
  }

  /**
   * What `id` has to do, the members in `dead` and those not listed counting for nothing. A
   * partition it holds by the store but not in `known` is to be taken afresh.
   */
  plan(
    name: GroupName,
    partitions: number,
    id: string,
    dead: ReadonlySet<string>,
    known: ReadonlySet<number>,
  ): Plan {
    const listed = this.members(name).map((member) => member.id)
    const live = listed.filter((member) => !dead.has(member))
    const ids = live.includes(id) ? live : [...live, id].sort()
    const rank = ids.indexOf(id)
    const share = Math.floor(partitions / ids.length) + (rank < partitions % ids.length ? 1 : 0)
    let held = 0
    const takeable: number[] = []
    for (let partition = 0; partition < partitions; partition += 1) {
      const { holder } = this.#share(name, partition)
      if (holder === id && known.has(partition)) held += 1
      else if (holder === null || holder === id || !ids.includes(holder)) takeable.push(partition)
    }
    return {
      take: takeable.slice(0, Math.max(0, share - held)),
      excess: Math.max(0, held - share),
      listed: listed.includes(id),
    }
  }

  /** Lists the member when it is not, strikes the dead, takes what `plan` says; returns what it took. */
  settle(
    name: GroupName,
    partitions: number,
    member: GroupMember,
    dead: ReadonlySet<string>,
    known: ReadonlySet<number>,
  ): TakenLease[] {
    const { topic, group } = name
    const { id, ...record } = member
    const { take, listed } = this.plan(name, partitions, id, dead, known)
    let changed = !listed
    if (!listed) this.#members.put([topic, group, id], record)
    for (const other of dead) changed = this.#members.remove([topic, group, other]) || changed
    if (changed) this.#nextGeneration(name)
    return take.map((partition) => {
      const { epoch, offset } = this.#share(name, partition)
      this.#shares.put([topic, group, partition], { epoch: epoch + 1, holder: id, offset })
      return { partition, epoch: epoch + 1, offset: offset ?? undefined }
    })
  }

  /** Whether the lease is `id`'s still. */
  holds(name: GroupName, id: string, { partition, epoch }: Lease): boolean {
    const share = this.#share(name, partition)
    return share.holder === id && share.epoch === epoch
  }

  /** Moves the committed offset on, never back; false, and nothing is done, when the lease is no longer `id`'s. */
  commit(name: GroupName, id: string, { partition, epoch }: Lease, offset: number): boolean {
    if (!this.holds(name, id, { partition, epoch })) return false
    const share = this.#share(name, partition)
    if (offset > (share.offset ?? -1)) {
      this.#shares.put([name.topic, name.group, partition], { ...share, offset })
    }
    return true
  }

  /** Lets the partition go, if the lease is still `id`'s. */
  release(name: GroupName, id: string, { partition, epoch }: Lease): void {
    if (!this.holds(name, id, { partition, epoch })) return
    const share = this.#share(name, partition)
    this.#shares.put([name.topic, name.group, partition], { ...share, holder: null })
    this.#nextGeneration(name)
  }

  /** Lets go of every partition and of the group. */
  leave(name: GroupName, partitions: number, id: string): void {
    for (let partition = 0; partition < partitions; partition += 1) {
      this.release(name, id, { partition, epoch: this.#share(name, partition).epoch })
    }
    this.#members.remove([name.topic, name.group, id])
    this.#nextGeneration(name)
  }

  #share({ topic, group }: GroupName, partition: number): StoredShare {
    return this.#shares.get([topic, group, partition]) ?? free
  }

  #nextGeneration(name: GroupName): void {
    this.#generations.put([name.topic, name.group], this.generation(name) + 1)
  }
}

function memberKey(topic: string, group: string, id: string): MemberKey {
  return [topic, group, id]
}
