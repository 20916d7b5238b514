import { setTimeout as pause } from 'node:timers/promises'
import { all, greylist, holdReply } from './behaviours.js'
import { countAtSink, holdEachMailedOnce } from './count.js'
import type { LedgerView } from './ledger-view.js'
import { neighbours, withOne } from './one-partition.js'
import { play } from './play.js'
import { publishPaced } from './publish-paced.js'
import { promises, type Result } from './result.js'
import { seeded } from './seeded.js'
import { readTopic, type Stage } from './stage.js'

export interface DeferredOptions {
  readonly seed: number
  /** To others. */
  readonly events: number
  readonly greylistMs: number
  /** How long a key is parked before it is put aside in the ledger. */
  readonly parkForMs: number
}

const greylistedMails = 5
/** Well above the 20 ms after which an acknowledgement is committed. */
const commitMs = 1000

/** A mailbox takes nothing for long: its mail waits in the ledger, and the topic's offset moves on. */
export async function runDeferred(stage: Stage, options: DeferredOptions): Promise<Result> {
  const [slow = '', ...others] = neighbours(51)
  const random = seeded(options.seed)
  const events = withOne(random, options.events, others, slow, greylistedMails)
  const theirs = events.filter(({ recipient }) => recipient === slow)
  const behaviour = all(greylist(slow, options.greylistMs), holdReply(5))
  const env = { HERALD_PARK_FOR: `${options.parkForMs}ms` }
  return play(stage, { notifiers: 1, behaviour, env }, async (players) => {
    const { sink, ledger, fleet, place, finish } = players
    await publishPaced(events, { broker: stage.broker, topic: place.topic, perSecond: Infinity })
    const rest = events.filter(({ recipient }) => recipient !== slow)
    const flowed = await ledger.untilSettled(rest, 30_000)
    const patienceMs = options.parkForMs + 30_000
    const aside = await untilAside(
      ledger,
      theirs.map(({ id }) => id),
      patienceMs,
    )
    await pause(commitMs)
    const early = sink.sends.filter(({ recipient }) => recipient === slow).length
    // All of it must be in the ledger by now: what the next notifier knows, it knows from there.
    await fleet.kill(0)
    const again = await readTopic(stage.broker, place.topic, place.topic)
    await fleet.start(0)
    const settled = await ledger.untilSettled(events, 2 * options.greylistMs + 60_000)
    const { deadLetters } = await finish()

    const seen = countAtSink(events, sink.sends)
    const { faults, hold } = promises()
    hold(flowed, 'the others wait for the one')
    hold(aside, 'its events are not put aside in the ledger')
    hold(again.length === 0, `the offset stands: ${again.length} events come again`)
    hold(settled, 'not every event came to an end')
    const figures = holdEachMailedOnce(hold, seen, deadLetters)
    return {
      scenario: `one greylisted for ${options.greylistMs / 1000} s, parked ${options.parkForMs / 1000} s`,
      figures: {
        events: events.length,
        ...figures,
        'come again': again.length,
      },
      faults,
      notes: early > 0 ? [`${early} of the greylisted were taken before the kill`] : [],
    }
  })
}

async function untilAside(ledger: LedgerView, ids: readonly string[], timeoutMs: number) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await pause(100)) {
    const records = await ledger.findAll(ids)
    if (records.every((record) => record?.deferredSince !== undefined)) return true
  }
  return false
}
