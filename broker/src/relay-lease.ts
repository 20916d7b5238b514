import { type ProcessIdentity, processState, thisProcess } from '@herald/runtime/process-identity'
import type { Store, Table } from '@herald/runtime/store'

/** So long after its last renewal a lease is free to be taken. */
export const leaseMs = 4_000

/** One for each broker, by `brokerKey`. */
export const openLeaseTable = (store: Store) => store.table<LeaseRow, string>('relay-leases')

interface LeaseRow {
  /** Grows with every acquisition: a former holder's writes are known by its own. */
  readonly epoch: number
  /** Null: released. */
  readonly holder: ProcessIdentity | null
  /** By the monotonic clock, which the processes of a machine share: setting the time moves nothing. */
  readonly renewedAtMs: number
}

type LeaseTable = Table<LeaseRow, string>

/** Thrown when a relay acts on a lease that another one has taken. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'

  constructor() {
    super('another relay publishes from this outbox now')
  }
}

/** The right to publish from an outbox to one broker, which one relay of the machine holds at a time. */
export class RelayLease {
  readonly #store: Store
  readonly #table: LeaseTable
  readonly #brokerKey: string
  readonly #epoch: number

  private constructor(store: Store, table: LeaseTable, brokerKey: string, epoch: number) {
    this.#store = store
    this.#table = table
    this.#brokerKey = brokerKey
    this.#epoch = epoch
  }

  /**
   * Resolves to undefined while another relay holds it. A dead holder's is free at once; that of one
   * that cannot be judged or does not renew it, leaseMs after its last write.
   */
  static async acquire(
    store: Store,
    table: LeaseTable,
    brokerKey: string,
  ): Promise<RelayLease | undefined> {
    // A relay that waits looks at each ring: that costs no turn among the writers.
    if (!isFree(table.get(brokerKey))) return undefined
    return store.write(() => {
      const row = table.get(brokerKey)
      if (!isFree(row)) return undefined
      const lease = new RelayLease(store, table, brokerKey, (row?.epoch ?? 0) + 1)
      lease.#put()
      return lease
    })
  }

  /** Before each send. Rejects with LeaseLost; else it is held for half its time at least. */
  async ensureHeld(): Promise<void> {
    const row = this.#table.get(this.#brokerKey)
    if (row?.epoch !== this.#epoch) throw new LeaseLost()
    if (ageMs(row) > leaseMs / 2) await this.renew()
  }

  /** Extends it while a send takes long. Rejects with LeaseLost. */
  renew(): Promise<void> {
    return this.#store.write(() => this.renewInWrite())
  }

  /** The same inside a write of the store. Throws LeaseLost. */
  renewInWrite(): void {
    if (!this.renewIfHeldInWrite()) throw new LeaseLost()
  }

  /** Inside a write of the store. Returns whether it is still held. */
  renewIfHeldInWrite(): boolean {
    if (this.#table.get(this.#brokerKey)?.epoch !== this.#epoch) return false
    this.#put()
    return true
  }

  /** Idempotent. */
  async release(): Promise<void> {
    await this.#store.write(() => {
      const row = this.#table.get(this.#brokerKey)
      if (row?.epoch === this.#epoch) this.#table.put(this.#brokerKey, { ...row, holder: null })
    })
    this.#store.bell.ring()
  }

  #put(): void {
    const row = { epoch: this.#epoch, holder: thisProcess, renewedAtMs: clockMs() }
    this.#table.put(this.#brokerKey, row)
  }
}

const clockMs = () => Number(process.hrtime.bigint() / 1_000_000n)

function ageMs({ renewedAtMs }: LeaseRow): number {
  const age = clockMs() - renewedAtMs
  // Before the last boot the clock was another one.
  return age < 0 ? Number.POSITIVE_INFINITY : age
}

const isFree = (row: LeaseRow | undefined) =>
  row === undefined ||
  row.holder === null ||
  ageMs(row) > leaseMs ||
  processState(row.holder) === 'dead'
