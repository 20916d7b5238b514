import { setTimeout as pause } from 'node:timers/promises'
import { all, type Behaviour, holdReply } from './behaviours.js'
import { checkMails, countAtSink } from './count.js'
import { makeEvents, people } from './events.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { publishPaced } from './publish-paced.js'
import { createChecks, type Result } from './result.js'
import { runScenario } from './run-scenario.js'
import { seeded } from './seeded.js'
import { watchProgress } from './window.js'

export interface PolicyOptions {
  readonly seed: number
  readonly events: number
  readonly perSecond: number
  /** How long each policy holds. */
  readonly policyMs: number
}

const notifiers = 2

/** In turn: the server denies relaying, then reports that the daily limit is reached. */
const policies: readonly Behaviour[] = [
  { recipient: () => '554 5.7.1 relay access denied' },
  { body: () => '550 5.4.5 daily user sending limit exceeded' },
]

/** The mail server refuses every mail by a policy, which is lifted later. */
export async function runPolicy(
  kafkaFixture: KafkaFixture,
  options: PolicyOptions,
): Promise<Result> {
  const events = makeEvents(options.events, people(50), seeded(options.seed))
  const behaviour = holdReply(5)
  return runScenario(kafkaFixture, { notifiers, behaviour }, async (context) => {
    const { sink, ledger, fleet, workspace, finish } = context
    const { failures, check } = createChecks()
    const progress = watchProgress(sink)
    const { perSecond } = options
    const publishing = publishPaced(events, {
      broker: kafkaFixture.broker,
      topic: workspace.topic,
      perSecond,
    })
    publishing.catch(() => {})
    let refusals = 0
    for (const [index, policy] of policies.entries()) {
      await progress.until(Math.floor((events.length * (index + 1)) / 4))
      const counted = (each: Behaviour): Behaviour => ({
        ...each,
        ...(each.recipient ? { recipient: (to) => count(each.recipient?.(to)) } : {}),
        ...(each.body ? { body: (send) => count(each.body?.(send)) } : {}),
      })
      const count = <T>(answer: T): T => {
        refusals += 1
        return answer
      }
      sink.behaviour = all(counted(policy), behaviour)
      await pause(options.policyMs)
      const ready = await Promise.all(sink.urls.map((_, at) => fetch(`${fleet.probes(at)}/readyz`)))
      check(
        ready.every(({ status }) => status === 503),
        'a notifier is ready although every mail is refused',
      )
      sink.behaviour = behaviour
    }
    await publishing
    const settled = await ledger.untilSettled(events, 90_000)
    progress.end()
    const records = await ledger.findAll(events.map(({ id }) => id))
    const tried = records.map((record) => record?.attempts ?? 0)
    const { deadLetters } = await finish()

    const seen = countAtSink(events, sink.sends)
    check(settled, 'not every event has an outcome')
    const figures = checkMails(check, seen)
    check(deadLetters.length === 0, `${deadLetters.length} dead letters`)
    return {
      scenario: 'policy refusal',
      figures: {
        events: events.length,
        ...figures,
        'dead letters': deadLetters.length,
        refusals,
        'attempts lost': tried.filter((attempts) => attempts > 1).length,
      },
      failures,
    }
  })
}
