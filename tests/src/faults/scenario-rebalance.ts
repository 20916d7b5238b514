import { setTimeout as pause } from 'node:timers/promises'
import { holdReply } from './behaviours.js'
import { checkMails, countAtSink } from './count.js'
import { makeEvent, makeEvents, people } from './events.js'
import { type KafkaFixture, readTopic } from './kafka-fixture.js'
import { untilNoLag } from './lag.js'
import { publishPaced } from './publish-paced.js'
import { createChecks, type Result } from './result.js'
import { runScenario } from './run-scenario.js'
import { seeded } from './seeded.js'

export interface RebalanceOptions {
  readonly seed: number
  readonly events: number
  readonly nodeArguments?: readonly string[]
}

/** Well above the 20 ms after which an acknowledgement is committed. */
const commitMs = 1000

/** A second notifier joins and takes partitions over: what is committed stays committed. */
export async function runRebalance(
  kafkaFixture: KafkaFixture,
  options: RebalanceOptions,
): Promise<Result> {
  const { nodeArguments = [] } = options
  const random = seeded(options.seed)
  const events = makeEvents(options.events, people(40), random)
  const half = Math.floor(events.length / 2)
  const settings = { notifiers: 2, nodeArguments, behaviour: holdReply(5) }
  return runScenario(kafkaFixture, settings, async ({ sink, fleet, ledger, workspace }) => {
    const to = { broker: kafkaFixture.broker, topic: workspace.topic, perSecond: Infinity }
    await fleet.kill(1)
    await publishPaced(events.slice(0, half), to)
    const first = await ledger.untilSettled(events.slice(0, half), 30_000)
    await fleet.start(1)
    await publishPaced(events.slice(half), to)
    const second = await ledger.untilSettled(events, 30_000)
    const both = new Set(sink.sends.slice(half).map(({ listener }) => listener)).size === 2
    await untilNoLag(fleet, 2, 30_000)
    await pause(commitMs)
    // The former holder commits last, so that a commit it must not make shows.
    const recipient = sink.sends.findLast(({ listener }) => listener === 0)?.recipient ?? ''
    const position = events.filter((event) => event.recipient === recipient).length
    const last = makeEvent(recipient, position)
    await publishPaced([last], to)
    const third = await ledger.untilSettled([last], 30_000)
    await pause(commitMs)
    await fleet.destroy()
    const again = await readTopic(kafkaFixture.broker, workspace.topic, workspace.topic)

    const seen = countAtSink([...events, last], sink.sends)
    const { failures, check } = createChecks()
    check(first && second && third, 'not every event has an outcome')
    check(both, 'the second notifier got no partition')
    check(again.length === 0, `${again.length} events that were committed come again`)
    const figures = checkMails(check, seen)
    return {
      scenario: 'a notifier joins',
      figures: {
        events: events.length + 1,
        ...figures,
        redelivered: again.length,
      },
      failures,
    }
  })
}
