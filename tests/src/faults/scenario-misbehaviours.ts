import {
  all,
  answerLate,
  busyAbove,
  cutHalfWay,
  greylist,
  loseReply,
  refuse,
} from './behaviours.js'
import { checkMails, countAtSink } from './count.js'
import { makeEvents, people } from './events.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { publishPaced } from './publish-paced.js'
import { createChecks, type Result } from './result.js'
import { runScenario } from './run-scenario.js'
import { seeded } from './seeded.js'

export interface MisbehavioursOptions {
  readonly seed: number
  readonly events: number
}

const notifiers = 2
const [refused = '', greylisted = ''] = people(2)

/** Every misbehaviour of the mail server at once; no program is killed. */
export async function runMisbehaviours(
  kafkaFixture: KafkaFixture,
  options: MisbehavioursOptions,
): Promise<Result> {
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
  return runScenario(
    kafkaFixture,
    { notifiers, behaviour, env },
    async ({ sink, ledger, workspace, finish }) => {
      await publishPaced(events, {
        broker: kafkaFixture.broker,
        topic: workspace.topic,
        perSecond: 60,
      })
      const settled = await ledger.untilSettled(events, 60_000)
      const { deadLetters, uncommitted } = await finish()

      const wanted = events.filter(({ recipient }) => recipient !== refused)
      const unwanted = events.length - wanted.length
      const seen = countAtSink(wanted, sink.sends)
      const lostReplies = sink.sends.filter(({ verdict }) => verdict === 'lose-reply').length
      const { failures, check } = createChecks()
      check(settled, 'not every event has an outcome')
      const figures = checkMails(check, seen, lostReplies)
      check(
        deadLetters.length === unwanted &&
          deadLetters.every(({ reason }) => reason.includes('5.1.1')),
        `${deadLetters.length} dead letters for ${unwanted} events to a mailbox that does not exist`,
      )
      return {
        scenario: 'mail server misbehaves in every way',
        figures: {
          events: events.length,
          ...figures,
          bound: lostReplies,
          'dead letters': deadLetters.length,
          // They have outcomes, so this is harmless: a member that stops in a rebalance cannot commit.
          redelivered: uncommitted,
        },
        failures,
      }
    },
  )
}
