import { setTimeout as pause } from 'node:timers/promises'
import { makeEvents, people } from './events.js'
import { play } from './play.js'
import { publishPaced } from './publish-paced.js'
import { promises, type Result } from './result.js'
import { seeded } from './seeded.js'
import type { Stage } from './stage.js'

export interface IdleOptions {
  readonly seed: number
  /** How many periods of the partition watch pass without an event. */
  readonly periods: number
}

/** The watch of the partitions looks every 30 s in use; here a week takes seconds. */
const watchMs = 400

/** A week without events: no consumer is replaced, and the next event is mailed. */
export async function runIdle(stage: Stage, { seed, periods }: IdleOptions): Promise<Result> {
  const events = makeEvents(20, people(10), seeded(seed))
  const half = events.length / 2
  const env = { HERALD_BROKER: `${stage.broker}&stallMs=${watchMs}` }
  return play(stage, { notifiers: 2, env }, async ({ sink, fleet, ledger, place, finish }) => {
    const to = { broker: stage.broker, topic: place.topic, perSecond: Infinity }
    await publishPaced(events.slice(0, half), to)
    const first = await ledger.untilSettled(events.slice(0, half), 30_000)
    // From here on everything is committed, and most partitions never had an event.
    await Promise.all([fleet.kill(0), fleet.kill(1)])
    await Promise.all([fleet.start(0), fleet.start(1)])
    await pause(periods * watchMs)
    const rebuilds = fleet.complaints.filter((line) => line.includes('replacing the consumer'))
    await publishPaced(events.slice(half), to)
    const second = await ledger.untilSettled(events, 30_000)
    const { exits, uncommitted } = await finish()

    const { faults, hold } = promises()
    hold(first && second, 'not every event came to an end')
    hold(rebuilds.length === 0, `${rebuilds.length} consumers replaced`)
    hold(uncommitted === 0, `${uncommitted} events come again`)
    hold(
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
      faults,
    }
  })
}
