import { checkMails, countAtSink } from './count.js'
import { makeEvents, people } from './events.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { redeliveries, untilNoLag } from './lag.js'
import { publishPaced } from './publish-paced.js'
import { createChecks, type Result } from './result.js'
import { runScenario } from './run-scenario.js'
import { seeded } from './seeded.js'

export interface TwiceOptions {
  readonly seed: number
  readonly events: number
  readonly nodeArguments?: readonly string[]
}

const notifiers = 3

/** The same events are published twice. */
export async function runTwice(kafkaFixture: KafkaFixture, options: TwiceOptions): Promise<Result> {
  const random = seeded(options.seed)
  const events = makeEvents(options.events, people(200), random)
  const { nodeArguments = [] } = options
  return runScenario(kafkaFixture, { notifiers, nodeArguments }, async (context) => {
    const { sink, fleet, ledger, workspace, finish } = context
    const to = { broker: kafkaFixture.broker, topic: workspace.topic, perSecond: Infinity }
    const startedAt = Date.now()
    await publishPaced(events, to)
    await publishPaced(events, to)
    const settled = await ledger.untilSettled(events, 30_000)
    const empty = await untilNoLag(fleet, notifiers, 60_000)
    const seconds = Math.round((Date.now() - startedAt) / 1000)
    const again = await redeliveries(fleet, notifiers)
    const { deadLetters, uncommitted } = await finish()

    const seen = countAtSink(events, sink.sends)
    const { failures, check } = createChecks()
    check(settled, 'not every event has an outcome')
    check(empty, 'not every event was acknowledged')
    const figures = checkMails(check, seen)
    check(again >= events.length, `only ${again} events were recognised as redelivered`)
    check(deadLetters.length === 0, `${deadLetters.length} dead letters`)
    check(uncommitted === 0, `${uncommitted} events have an outcome but are not committed`)
    return {
      scenario: 'published twice',
      figures: {
        events: 2 * events.length,
        ...figures,
        'dead letters': deadLetters.length,
        seconds,
      },
      failures,
    }
  })
}
