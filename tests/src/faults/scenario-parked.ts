import { setTimeout as pause } from 'node:timers/promises'
import { all, greylist, holdReply } from './behaviours.js'
import { countAtSink } from './count.js'
import { neighbours, withOne } from './one-partition.js'
import { play } from './play.js'
import { publishPaced } from './publish-paced.js'
import { promises, type Result } from './result.js'
import { seeded } from './seeded.js'
import type { Stage } from './stage.js'

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

/** A notifier dies while one key is parked and those that came after it are delivered. */
export async function runParked(stage: Stage, options: ParkedOptions): Promise<Result> {
  const { nodeArguments = [] } = options
  const [slow = '', ...others] = neighbours(21)
  const random = seeded(options.seed)
  const events = withOne(random, options.events, others, slow, greylistedMails)
  const behaviour = all(greylist(slow, greylistMs), holdReply(5))
  const settings = { notifiers: 1, behaviour, nodeArguments }
  return play(stage, settings, async ({ sink, ledger, fleet, place }) => {
    await publishPaced(events, { broker: stage.broker, topic: place.topic, perSecond: Infinity })
    const rest = events.filter(({ recipient }) => recipient !== slow)
    const flowed = await ledger.untilSettled(rest, 30_000)
    await pause(commitMs)
    await fleet.kill(0)
    await fleet.start(0)
    await ledger.untilSettled(events, 20_000)

    const seen = countAtSink(events, sink.sends)
    const { faults, hold } = promises()
    hold(flowed, 'the others wait for the one')
    hold(seen.lost.length === 0, `${seen.lost.length} mails lost`)
    hold(seen.duplicates === 0, `${seen.duplicates} duplicates`)
    hold(seen.outOfOrder === 0, `${seen.outOfOrder} mails out of order`)
    return {
      scenario: 'killed while one is parked',
      figures: {
        events: events.length,
        unique: seen.unique,
        duplicate: seen.duplicates,
        lost: seen.lost.length,
        'out of order': seen.outOfOrder,
      },
      faults,
    }
  })
}
