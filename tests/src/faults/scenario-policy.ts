import { setTimeout as pause } from 'node:timers/promises'
import { all, type Behaviour, holdReply } from './behaviours.js'
import { countAtSink, holdEachMailedOnce } from './count.js'
import { makeEvents, people } from './events.js'
import { play } from './play.js'
import { publishPaced } from './publish-paced.js'
import { promises, type Result } from './result.js'
import { seeded } from './seeded.js'
import type { Stage } from './stage.js'
import { watchProgress } from './window.js'

export interface PolicyOptions {
  readonly seed: number
  readonly events: number
  readonly perSecond: number
  /** How long each policy holds. */
  readonly policyMs: number
}

const notifiers = 2

/** In turn: the server denies relaying, then says that the daily limit is reached. */
const policies: readonly Behaviour[] = [
  { recipient: () => '554 5.7.1 relay access denied' },
  { body: () => '550 5.4.5 daily user sending limit exceeded' },
]

/** The mail server refuses every mail by a policy, which is lifted later. */
export async function runPolicy(stage: Stage, options: PolicyOptions): Promise<Result> {
  const events = makeEvents(options.events, people(50), seeded(options.seed))
  const behaviour = holdReply(5)
  return play(stage, { notifiers, behaviour }, async (players) => {
    const { sink, ledger, fleet, place, finish } = players
    const { faults, hold } = promises()
    const progress = watchProgress(sink)
    const { perSecond } = options
    const publishing = publishPaced(events, { broker: stage.broker, topic: place.topic, perSecond })
    publishing.catch(() => {})
    let asked = 0
    for (const [index, policy] of policies.entries()) {
      await progress.until(Math.floor((events.length * (index + 1)) / 4))
      const begun = (each: Behaviour): Behaviour => ({
        ...each,
        ...(each.recipient ? { recipient: (to) => count(each.recipient?.(to)) } : {}),
        ...(each.body ? { body: (send) => count(each.body?.(send)) } : {}),
      })
      const count = <T>(answer: T): T => {
        asked += 1
        return answer
      }
      sink.behaviour = all(begun(policy), behaviour)
      await pause(options.policyMs)
      const ready = await Promise.all(sink.urls.map((_, at) => fetch(`${fleet.probes(at)}/readyz`)))
      hold(
        ready.every(({ status }) => status === 503),
        'a notifier says it is ready while every mail is refused',
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
    hold(settled, 'not every event came to an end')
    const figures = holdEachMailedOnce(hold, seen, deadLetters)
    return {
      scenario: 'policy refusal',
      figures: {
        events: events.length,
        ...figures,
        refusals: asked,
        'attempts burned': tried.filter((attempts) => attempts > 1).length,
      },
      faults,
    }
  })
}
