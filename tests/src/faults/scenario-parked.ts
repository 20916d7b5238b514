import { setTimeout as pause } from 'node:timers/promises'
import { all, greylist, holdReply } from './behaviours.js'
import { checkMails, countAtSink } from './count.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { samePartition, withOne } from './one-partition.js'
import { publishPaced } from './publish-paced.js'
import { createChecks, type Result } from './result.js'
import { runScenario } from './run-scenario.js'
import { seeded } from './seeded.js'

export interface ParkedOptions {
  readonly seed: number
  /** To others. */
  readonly events: number
  readonly nodeArguments?: readonly string[]
}

const greylistedMails = 5
const greylistMs = 6000
/** Well above the 20 ms after which an acknowledgement is committed. */
const commitMs = 500

/** A notifier is killed while one key is parked and later events are delivered. */
export async function runParked(
  kafkaFixture: KafkaFixture,
  options: ParkedOptions,
): Promise<Result> {
  const { nodeArguments = [] } = options
  const [slow = '', ...others] = samePartition(21)
  const random = seeded(options.seed)
  const events = withOne(random, options.events, others, slow, greylistedMails)
  const behaviour = all(greylist(slow, greylistMs), holdReply(5))
  const settings = { notifiers: 1, behaviour, nodeArguments }
  return runScenario(kafkaFixture, settings, async ({ sink, ledger, fleet, workspace }) => {
    await publishPaced(events, {
      broker: kafkaFixture.broker,
      topic: workspace.topic,
      perSecond: Infinity,
    })
    const rest = events.filter(({ recipient }) => recipient !== slow)
    const flowed = await ledger.untilSettled(rest, 30_000)
    await pause(commitMs)
    await fleet.kill(0)
    await fleet.start(0)
    await ledger.untilSettled(events, 20_000)

    const seen = countAtSink(events, sink.sends)
    const { failures, check } = createChecks()
    check(flowed, 'events for other recipients were delayed')
    const figures = checkMails(check, seen)
    return {
      scenario: 'killed while one is parked',
      figures: {
        events: events.length,
        ...figures,
      },
      failures,
    }
  })
}
