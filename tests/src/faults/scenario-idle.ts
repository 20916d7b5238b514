import { setTimeout as pause } from 'node:timers/promises'
import { makeEvents, people } from './events.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { publishPaced } from './publish-paced.js'
import { createChecks, type Result } from './result.js'
import { runScenario } from './run-scenario.js'
import { seeded } from './seeded.js'

export interface IdleOptions {
  readonly seed: number
  /** How many periods of the partition watch pass without an event. */
  readonly periods: number
}

/** In production the partition watch runs every 30 s; here often, but not so often that a loaded machine is a stall. */
const watchMs = 1500

/** A week without events: no consumer is replaced, and the next event is mailed. */
export async function runIdle(
  kafkaFixture: KafkaFixture,
  { seed, periods }: IdleOptions,
): Promise<Result> {
  const events = makeEvents(20, people(10), seeded(seed))
  const half = events.length / 2
  const env = { HERALD_BROKER: `${kafkaFixture.broker}&stallMs=${watchMs}` }
  return runScenario(
    kafkaFixture,
    { notifiers: 2, env },
    async ({ sink, fleet, ledger, workspace, finish }) => {
      const to = { broker: kafkaFixture.broker, topic: workspace.topic, perSecond: Infinity }
      await publishPaced(events.slice(0, half), to)
      const first = await ledger.untilSettled(events.slice(0, half), 30_000)
      // From here on everything is committed, and most partitions never had an event.
      await Promise.all([fleet.kill(0), fleet.kill(1)])
      await Promise.all([fleet.start(0), fleet.start(1)])
      await pause(periods * watchMs)
      const rebuilds = fleet.warnings.filter((line) => line.includes('replacing the consumer'))
      await publishPaced(events.slice(half), to)
      const second = await ledger.untilSettled(events, 30_000)
      const { exits, uncommitted } = await finish()

      const { failures, check } = createChecks()
      check(first && second, 'not every event has an outcome')
      check(rebuilds.length === 0, `${rebuilds.length} consumers replaced`)
      check(uncommitted === 0, `${uncommitted} events are redelivered`)
      check(
        exits.every((exit) => exit === 0),
        `exit statuses ${exits.join(', ')}`,
      )
      return {
        scenario: 'an idle week',
        figures: {
          events: events.length,
          periods,
          rebuilds: rebuilds.length,
          mails: sink.sends.length,
        },
        failures,
      }
    },
  )
}
