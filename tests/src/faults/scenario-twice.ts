import { countAtSink } from './count.js'
import { makeEvents, people } from './events.js'
import { redeliveries, untilNoLag } from './lag.js'
import { play } from './play.js'
import { publishPaced } from './publish-paced.js'
import { promises, type Result } from './result.js'
import { seeded } from './seeded.js'
import type { Stage } from './stage.js'

export interface TwiceOptions {
  readonly seed: number
  readonly events: number
  readonly nodeArguments?: readonly string[]
}

const notifiers = 3

/** The same events are published twice. */
export async function runTwice(stage: Stage, options: TwiceOptions): Promise<Result> {
  const random = seeded(options.seed)
  const events = makeEvents(options.events, people(200), random)
  const { nodeArguments = [] } = options
  return play(stage, { notifiers, nodeArguments }, async (players) => {
    const { sink, fleet, ledger, place, finish } = players
    const to = { broker: stage.broker, topic: place.topic, perSecond: Infinity }
    const startedAt = Date.now()
    await publishPaced(events, to)
    await publishPaced(events, to)
    const settled = await ledger.untilSettled(events, 30_000)
    const empty = await untilNoLag(fleet, notifiers, 60_000)
    const seconds = Math.round((Date.now() - startedAt) / 1000)
    const again = await redeliveries(fleet, notifiers)
    const { deadLetters, uncommitted } = await finish()

    const seen = countAtSink(events, sink.sends)
    const { faults, hold } = promises()
    hold(settled, 'not every event came to an end')
    hold(empty, 'not every event was acknowledged')
    hold(seen.unique === events.length, `${events.length - seen.unique} mails lost`)
    hold(seen.duplicates === 0, `${seen.duplicates} duplicates`)
    hold(seen.outOfOrder === 0, `${seen.outOfOrder} mails out of order`)
    hold(again >= events.length, `only ${again} events were recognised as come again`)
    hold(deadLetters.length === 0, `${deadLetters.length} dead letters`)
    hold(uncommitted === 0, `${uncommitted} events are settled and not committed`)
    return {
      scenario: 'published twice',
      figures: {
        events: 2 * events.length,
        unique: seen.unique,
        duplicate: seen.duplicates,
        lost: seen.lost.length,
        'out of order': seen.outOfOrder,
        'dead letters': deadLetters.length,
        seconds,
      },
      faults,
    }
  })
}
