import { setTimeout as pause } from 'node:timers/promises'
import { holdReply } from './behaviours.js'
import { isAccepted } from './count.js'
import { makeEvent, makeRun, people, type TestEvent } from './events.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { untilNoLag } from './lag.js'
import type { LedgerView } from './ledger-view.js'
import { publishPaced } from './publish-paced.js'
import { createChecks, type Result } from './result.js'
import { runScenario, type ScenarioContext } from './run-scenario.js'
import { seeded, whole } from './seeded.js'
import { killAndInspect } from './window.js'

export interface DigestsOptions {
  readonly seed: number
  readonly rounds: number
  readonly recipients: number
  /** Events of one run for one recipient. */
  readonly runSize: number
  readonly nodeArguments?: readonly string[]
}

interface RecipientRun {
  readonly recipient: string
  readonly round: number
  readonly events: readonly TestEvent[]
}

const notifiers = 3
const env = { HERALD_DIGEST_QUIET: '500ms', HERALD_DIGEST_MAX: '5m' }

/** Runs of several files, half of them of unknown size; in each round a notifier is killed while they are gathered. */
export async function runDigests(
  kafkaFixture: KafkaFixture,
  options: DigestsOptions,
): Promise<Result> {
  const { nodeArguments = [], rounds } = options
  const random = seeded(options.seed)
  const settings = { notifiers, behaviour: holdReply(20), env, nodeArguments }
  return runScenario(kafkaFixture, settings, async (context) => {
    const { sink, fleet, ledger, workspace, finish } = context
    const to = { broker: kafkaFixture.broker, topic: workspace.topic, perSecond: Infinity }
    const runs: RecipientRun[] = []
    const startedAtOf = new Array<number>(notifiers).fill(0)
    const uncertain = new Set<string>()
    let inWindow = 0
    for (let round = 0; round < rounds; round += 1) {
      const these = runsOf(round, options)
      runs.push(...these)
      const half = options.runSize / 2
      await publishPaced(
        these.flatMap(({ events }) => events.slice(0, half)),
        to,
      )
      await untilGathered(ledger, 20_000)
      const victim = whole(random, notifiers)
      if ((await ledger.gathered()) > 0) inWindow += 1
      for (const id of await killOne(context, victim, startedAtOf[victim] ?? 0)) uncertain.add(id)
      const rest = these.flatMap(({ events }) => events.slice(half))
      await publishPaced(rest, to)
      startedAtOf[victim] = Date.now()
      await fleet.start(victim)
      // Some events arrive twice, before or after their digest was sent.
      await publishPaced(rest, to)
    }
    const events = runs.flatMap((run) => run.events)
    const settled = await ledger.untilSettled(events, 30_000)
    const empty = await untilNoLag(fleet, notifiers, 60_000)
    const { deadLetters } = await finish()

    const mails = sink.sends.filter(isAccepted)
    const times = new Map<string, number>()
    for (const id of mails.flatMap(({ eventIds }) => eventIds)) {
      times.set(id, (times.get(id) ?? 0) + 1)
    }
    const lost = events.filter(({ id }) => !times.has(id)).length
    const twice = [...times].filter(([, count]) => count > 1).map(([id]) => id)
    const { failures, check } = createChecks()
    check(settled, 'not every event has an outcome')
    check(empty, 'not every event was acknowledged')
    check(lost === 0, `${lost} events lost`)
    check(
      twice.every((id) => uncertain.has(id)),
      'an event was mailed twice that was not between 354 and the ledger at a kill',
    )
    check(inWindow > rounds / 2, `only ${inWindow} kills while events were gathered`)
    const disorder = outOfOrder(runs, mails)
    check(disorder === 0, `${disorder} runs out of order`)
    const split = splitRuns(runs, mails)
    check(split === 0, `${split} runs of known size are more than one mail`)
    check(deadLetters.length === 0, `${deadLetters.length} dead letters`)
    return {
      scenario: `digests, a kill in each of ${rounds} windows`,
      figures: {
        events: events.length,
        mails: mails.length,
        unique: times.size,
        duplicate: twice.length,
        bound: uncertain.size,
        lost,
        'out of order': disorder,
        'dead letters': deadLetters.length,
        kills: rounds,
        'in window': inWindow,
      },
      failures,
    }
  })
}

const isSized = ({ recipient }: RecipientRun) => Number(/\d+/.exec(recipient)?.[0]) % 2 === 0

/** One run for every recipient, with its events in order; for odd numbers the size is unknown. */
function runsOf(round: number, { recipients, runSize }: DigestsOptions): RecipientRun[] {
  return people(recipients).map((recipient, at) => {
    const run = makeRun(at % 2 === 0 ? runSize : 0)
    const events = Array.from({ length: runSize }, (_, index) =>
      makeEvent(recipient, round * runSize + index, run),
    )
    return { recipient, round, events }
  })
}

async function untilGathered(ledger: LedgerView, timeoutMs: number): Promise<void> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await pause(5)) {
    if ((await ledger.gathered()) > 0) return
  }
}

/** Kills a notifier; resolves to the events that may be mailed twice. */
async function killOne({ fleet, sink, ledger }: ScenarioContext, victim: number, since: number) {
  const { open, unrecorded } = await killAndInspect(fleet, victim, since, sink, ledger)
  const records = await ledger.findAll(unrecorded)
  const unrecordedEvents = unrecorded.flatMap((id, at) => records[at]?.eventIds ?? [id])
  return [...open.flatMap(({ eventIds }) => eventIds), ...unrecordedEvents]
}

type Mails = ScenarioContext['sink']['sends']

const mailsOf = (mails: Mails, { events }: RecipientRun) => {
  const ids = new Set(events.map(({ id }) => id))
  return mails.filter(({ eventIds }) => eventIds.some((id) => ids.has(id)))
}

/** Runs of known size, queued when they are complete, mailed after a later one of their recipient. */
function outOfOrder(runs: readonly RecipientRun[], mails: Mails): number {
  const furthest = new Map<string, number>()
  let count = 0
  for (const run of runs.filter(isSized)) {
    const first = Math.min(...mailsOf(mails, run).map(({ bodySequence }) => bodySequence ?? 0))
    if (first < (furthest.get(run.recipient) ?? 0)) count += 1
    else furthest.set(run.recipient, first)
  }
  return count
}

/** Runs of known size in several mails with different events. */
function splitRuns(runs: readonly RecipientRun[], mails: Mails): number {
  return runs.filter(
    (run) =>
      isSized(run) &&
      new Set(mailsOf(mails, run).map(({ eventIds }) => [...eventIds].sort().join())).size !== 1,
  ).length
}
