import { describe } from 'vitest'
import { deliveryCases, restartCase } from './conformance/delivery.js'
import { type TestBroker, useFixture } from './conformance/fixture.js'
import { machinesCase } from './conformance/machines.js'
import { memberCases } from './conformance/members.js'
import { messageCases } from './conformance/messages.js'
import { powerLossCase } from './conformance/power-loss.js'

export interface ConformanceOptions {
  /** Called for each case; may return the same one again. */
  readonly createBroker: () => Promise<TestBroker>
  /** Whether the brokers of `createBroker` can restart their server. Default false. */
  readonly canRestart?: boolean
}

/**
 * Tests a driver against the contract in `broker.ts` and what its `features` declare. The names of
 * the cases are stable: they are the rows of the table case × driver.
 */
export function describeConformance(
  name: string,
  { createBroker, canRestart = false }: ConformanceOptions,
): void {
  describe(`conformance: ${name}`, () => {
    const fixture = useFixture(createBroker)
    messageCases(fixture)
    deliveryCases(fixture)
    memberCases(fixture)
    machinesCase(fixture)
    powerLossCase(fixture)
    if (canRestart) restartCase(fixture)
  })
}
