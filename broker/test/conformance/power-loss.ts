import { expect, test } from 'vitest'
import { event, type Fixture } from './fixture.js'
import { type TracedCalls, traceCalls, whyNotTraced } from './traced-calls.js'

/** How many events are published, each after the one before is acknowledged. */
export const tracedEvents = 100

/**
 * Whether an event is synced to disk before it is acknowledged. kill -9 does not reveal a missing sync,
 * because the kernel keeps the data: so the calls of the processes that store events are traced.
 */
export function powerLossCase(fixture: Fixture): void {
  test('an event is synced to disk before it is acknowledged, if the driver declares it', async ({
    skip,
  }) => {
    const missing = whyNotTraced()
    if (missing !== undefined) skip(missing)
    const { features } = await fixture.open()
    const syncs = async () => (await callsOfPublishing(fixture)).syncs
    if (features.survivesPowerLoss) expect(await syncs()).toBeGreaterThanOrEqual(tracedEvents)
    // A server syncs other things too, such as what earlier tests left: fewer once are enough, because
    // if each event were synced there would never be fewer.
    else await fixture.until(async () => expect(await syncs()).toBeLessThan(tracedEvents))
  })
}

/** The calls of the processes that store events while `tracedEvents` are published. */
export async function callsOfPublishing(fixture: Fixture): Promise<TracedCalls> {
  const broker = await fixture.open()
  await broker.publish(fixture.topic, [event('k', 0)])
  const calls = await traceCalls(await fixture.storingPids(), async () => {
    for (let number = 1; number <= tracedEvents; number += 1) {
      await broker.publish(fixture.topic, [event('k', number)])
    }
  })
  // Else the wrong process was traced.
  expect(calls.writes).toBeGreaterThanOrEqual(tracedEvents)
  console.log(
    `${broker.features.name}: ${calls.syncs} syncs for ${tracedEvents} events, published one after the other`,
  )
  return calls
}
