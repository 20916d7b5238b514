import { setTimeout as pause } from 'node:timers/promises'
import { all, greylist, holdReply } from './behaviours.js'
import { checkMails, countAtSink } from './count.js'
import { type KafkaFixture, readTopic } from './kafka-fixture.js'
import type { LedgerView } from './ledger-view.js'
import { samePartition, withOne } from './one-partition.js'
import { publishPaced } from './publish-paced.js'
import { createChecks, type Result } from './result.js'
import { runScenario } from './run-scenario.js'
import { seeded } from './seeded.js'

export interface DeferredOptions {
  readonly seed: number
  /** To others. */
  readonly events: number
  readonly greylistMs: number
  /** How long a key is parked before it is deferred in the ledger. */
  readonly parkForMs: number
}

const greylistedMails = 5
/** Well above the 20 ms after which an acknowledgement is committed. */
const commitMs = 1000

/** A mailbox refuses mail for a long time: its mail waits in the ledger, and the offset advances. */
export async function runDeferred(
  kafkaFixture: KafkaFixture,
  options: DeferredOptions,
): Promise<Result> {
  const [slow = '', ...others] = samePartition(51)
  const random = seeded(options.seed)
  const events = withOne(random, options.events, others, slow, greylistedMails)
  const theirs = events.filter(({ recipient }) => recipient === slow)
  const behaviour = all(greylist(slow, options.greylistMs), holdReply(5))
  const env = { HERALD_PARK_FOR: `${options.parkForMs}ms` }
  return runScenario(kafkaFixture, { notifiers: 1, behaviour, env }, async (context) => {
    const { sink, ledger, fleet, workspace, finish } = context
    await publishPaced(events, {
      broker: kafkaFixture.broker,
      topic: workspace.topic,
      perSecond: Infinity,
    })
    const rest = events.filter(({ recipient }) => recipient !== slow)
    const flowed = await ledger.untilSettled(rest, 30_000)
    const answerTimeoutMs = options.parkForMs + 30_000
    const areDeferred = await untilDeferred(
      ledger,
      theirs.map(({ id }) => id),
      answerTimeoutMs,
    )
    await pause(commitMs)
    const early = sink.sends.filter(({ recipient }) => recipient === slow).length
    // The next notifier can only know these events from the ledger.
    await fleet.kill(0)
    const again = await readTopic(kafkaFixture.broker, workspace.topic, workspace.topic)
    await fleet.start(0)
    const settled = await ledger.untilSettled(events, 2 * options.greylistMs + 60_000)
    const { deadLetters } = await finish()

    const seen = countAtSink(events, sink.sends)
    const { failures, check } = createChecks()
    check(flowed, 'events for other recipients were delayed')
    check(areDeferred, 'its events are not deferred in the ledger')
    check(again.length === 0, `the offset did not advance: ${again.length} events are redelivered`)
    check(settled, 'not every event has an outcome')
    const figures = checkMails(check, seen)
    check(deadLetters.length === 0, `${deadLetters.length} dead letters`)
    return {
      scenario: `one greylisted for ${options.greylistMs / 1000} s, parked ${options.parkForMs / 1000} s`,
      figures: {
        events: events.length,
        ...figures,
        'dead letters': deadLetters.length,
        redelivered: again.length,
      },
      failures,
      notes: early > 0 ? [`${early} greylisted mails were accepted before the kill`] : [],
    }
  })
}

async function untilDeferred(ledger: LedgerView, ids: readonly string[], timeoutMs: number) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await pause(100)) {
    const records = await ledger.findAll(ids)
    if (records.every((record) => record?.deferredSince !== undefined)) return true
  }
  return false
}
