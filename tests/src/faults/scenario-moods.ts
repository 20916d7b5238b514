import {
  all,
  answerLate,
  busyAbove,
  cutHalfWay,
  greylist,
  loseReply,
  refuse,
} from './behaviours.js'
import { countAtSink } from './count.js'
import { makeEvents, people } from './events.js'
import { play } from './play.js'
import { publishPaced } from './publish-paced.js'
import { promises, type Result } from './result.js'
import { seeded } from './seeded.js'
import type { Stage } from './stage.js'

export interface MoodsOptions {
  readonly seed: number
  readonly events: number
}

const notifiers = 2
const [refused = '', greylisted = ''] = people(2)

/** Every misbehaviour of the mail server at once; no program is killed. */
export async function runMoods(stage: Stage, options: MoodsOptions): Promise<Result> {
  const events = makeEvents(options.events, people(30), seeded(options.seed))
  const behaviour = all(
    refuse(refused),
    greylist(greylisted, 3000),
    busyAbove(80),
    loseReply(17),
    cutHalfWay(23),
    answerLate(11, 300),
  )
  // One reply in ten is lost: some mails lose three in a row.
  const env = { HERALD_UNKNOWN_RESENDS: '20' }
  return play(stage, { notifiers, behaviour, env }, async ({ sink, ledger, place, finish }) => {
    await publishPaced(events, { broker: stage.broker, topic: place.topic, perSecond: 60 })
    const settled = await ledger.untilSettled(events, 60_000)
    const { deadLetters, uncommitted } = await finish()

    const wanted = events.filter(({ recipient }) => recipient !== refused)
    const unwanted = events.length - wanted.length
    const seen = countAtSink(wanted, sink.sends)
    const lostReplies = sink.sends.filter(({ verdict }) => verdict === 'lose').length
    const { faults, hold } = promises()
    hold(settled, 'not every event came to an end')
    hold(seen.lost.length === 0, `${seen.lost.length} mails lost`)
    hold(seen.outOfOrder === 0, `${seen.outOfOrder} mails out of order`)
    hold(
      seen.duplicates <= lostReplies,
      `${seen.duplicates} duplicates for ${lostReplies} replies lost`,
    )
    hold(
      deadLetters.length === unwanted &&
        deadLetters.every(({ reason }) => reason.includes('5.1.1')),
      `${deadLetters.length} dead letters for ${unwanted} events to a mailbox that is not there`,
    )
    return {
      scenario: 'mail server in every mood',
      figures: {
        events: events.length,
        unique: seen.unique,
        duplicate: seen.duplicates,
        bound: lostReplies,
        lost: seen.lost.length,
        'out of order': seen.outOfOrder,
        'dead letters': deadLetters.length,
        // Settled, so they do no harm; a member that stops in a rebalance cannot commit.
        'come again': uncommitted,
      },
      faults,
    }
  })
}
