import { type ProcessIdentity, processState, thisProcess } from '@herald/runtime/process-identity'
import type { Store, Table } from '@herald/runtime/store'

/** A lease that was not renewed for this long may be taken. */
export const leaseDurationMs = 4_000

/** The leases, one for each broker, by `brokerKey`. */
export const openLeaseTable = (store: Store) => store.table<LeaseRow, string>('relay-leases')

interface LeaseRow {
  /** One higher with each acquisition, so that a write of a former holder is recognized. */
  readonly epoch: number
  /** Null: released. */
  readonly holder: ProcessIdentity | null
  /** By the monotonic clock, which all processes of a machine share and which setting the time does not change. */
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

/** The right to publish from an outbox to one broker. One relay of the machine holds it at a time. */
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
   * Resolves to undefined while another relay holds it. The lease of a holder that has ended is free at once;
   * that of a holder in another container, or one that hangs, leaseDurationMs after its last renewal.
   */
  static async acquire(
    store: Store,
    table: LeaseTable,
    brokerKey: string,
  ): Promise<RelayLease | undefined> {
    // A waiting relay checks at each ring; a read does not delay the writers.
    if (!isFree(table.get(brokerKey))) return undefined
    return store.write(() => {
      const row = table.get(brokerKey)
      if (!isFree(row)) return undefined
      const lease = new RelayLease(store, table, brokerKey, (row?.epoch ?? 0) + 1)
      lease.#put()
      return lease
    })
  }

  /** Call it before each send. Rejects with LeaseLost; else the lease is valid for at least half its duration. */
  async ensureHeld(): Promise<void> {
    const row = this.#table.get(this.#brokerKey)
    if (row?.epoch !== this.#epoch) throw new LeaseLost()
    if (ageMs(row) > leaseDurationMs / 2) await this.renew()
  }

  /** Rejects with LeaseLost. */
  renew(): Promise<void> {
    return this.#store.write(() => this.renewInWrite())
  }

  /** The same inside `Store.write`. Throws LeaseLost. */
  renewInWrite(): void {
    if (!this.renewIfHeldInWrite()) throw new LeaseLost()
  }

  /** Inside `Store.write`. Returns whether it is still held. */
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
  // Negative after a reboot, where the clock begins at 0.
  return age < 0 ? Number.POSITIVE_INFINITY : age
}

const isFree = (row: LeaseRow | undefined) =>
  row === undefined ||
  row.holder === null ||
  ageMs(row) > leaseDurationMs ||
  processState(row.holder) === 'ended'
