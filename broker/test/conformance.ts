import { describe } from 'vitest'
import { type Place, type Timing, useBench } from './conformance/bench.js'
import { deliveryCases } from './conformance/delivery.js'
import { memberCases } from './conformance/members.js'
import { messageCases } from './conformance/messages.js'

export interface ConformanceOptions {
  /** Where the case's brokers meet, called for each case; a place may be given again. */
  readonly makePlace: () => Promise<Place>
  readonly timing?: Partial<Timing>
}

/**
 * Holds a driver to the contract in `broker.ts` and to what its `features` promise. The names of
 * the cases are stable: they are the rows of the table case × driver.
 */
export function describeConformance(
  name: string,
  { makePlace, timing: { rebalanceMs = 5_000, deliveryMs = 5_000 } = {} }: ConformanceOptions,
): void {
  describe(`conformance: ${name}`, { timeout: 20_000 + 8 * (rebalanceMs + deliveryMs) }, () => {
    const bench = useBench(makePlace, { rebalanceMs, deliveryMs })
    messageCases(bench)
    deliveryCases(bench)
    memberCases(bench)
  })
}
