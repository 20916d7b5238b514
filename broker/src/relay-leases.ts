import { type ProcessIdentity, processState, thisProcess } from '@herald/runtime/process-identity'
import type { Store } from '@herald/runtime/store'

/** So long after its last renewal a lease is free to be taken. */
export const leaseMs = 4_000

interface StoredLease {
  /** Grows with every taking: what a former holder writes is known by its own. */
  readonly epoch: number
  /** Null: released. */
  readonly holder: ProcessIdentity | null
  /** By the monotonic clock, which the processes of a machine share: setting the time moves nothing. */
  readonly renewedAtMs: number
}

/** Thrown when a relay acts on a lease that another one has taken. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'

  constructor() {
    super('another relay publishes from this outbox now')
  }
}

const clockMs = () => Number(process.hrtime.bigint() / 1_000_000n)

/** The right to publish to one broker, which one relay of the machine holds at a time. */
export function openLeases(
  store: Store,
  write: <T>(change: () => T) => Promise<T>,
  brokerKey: string,
) {
  const leases = store.table<StoredLease, string>('relay-leases')
  /** Released here; if the store could not record it, it counts as free in this process all the same. */
  let released = 0

  const ageMs = ({ renewedAtMs }: StoredLease) => {
    const age = clockMs() - renewedAtMs
    // Before the last boot the clock was another one.
    return age < 0 ? Number.POSITIVE_INFINITY : age
  }
  const isFree = (lease: StoredLease | undefined) =>
    lease === undefined ||
    lease.holder === null ||
    lease.epoch === released ||
    ageMs(lease) > leaseMs ||
    processState(lease.holder) === 'dead'

  /** Inside a write. Says whether it is still held. */
  const renewIfHeld = (epoch: number): boolean => {
    if (leases.get(brokerKey)?.epoch !== epoch) return false
    leases.put(brokerKey, { epoch, holder: thisProcess, renewedAtMs: clockMs() })
    return true
  }
  const renewInside = (epoch: number) => {
    if (!renewIfHeld(epoch)) throw new LeaseLost()
  }

  return {
    renewIfHeld,
    renewInside,

    /** Resolves to the epoch; to undefined while another relay holds it. */
    async take(): Promise<number | undefined> {
      // A relay that waits looks at each ring: that costs no turn among the writers.
      if (!isFree(leases.get(brokerKey))) return undefined
      return write(() => {
        const lease = leases.get(brokerKey)
        if (!isFree(lease)) return undefined
        const epoch = (lease?.epoch ?? 0) + 1
        leases.put(brokerKey, { epoch, holder: thisProcess, renewedAtMs: clockMs() })
        return epoch
      })
    },

    renew: (epoch: number) => write(() => renewInside(epoch)),

    /** Rejects with LeaseLost; else it is held for half its time at least. */
    async ensure(epoch: number): Promise<void> {
      const lease = leases.get(brokerKey)
      if (lease?.epoch !== epoch) throw new LeaseLost()
      if (ageMs(lease) > leaseMs / 2) await write(() => renewInside(epoch))
    },

    async release(epoch: number): Promise<void> {
      released = epoch
      await write(() => {
        const lease = leases.get(brokerKey)
        if (lease?.epoch === epoch) leases.put(brokerKey, { ...lease, holder: null })
      })
    },
  }
}
