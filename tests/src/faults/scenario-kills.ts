import { holdReply } from './behaviours.js'
import { countAtSink } from './count.js'
import { makeEvents, people } from './events.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { describePlan, makePlan, type Plan } from './plan.js'
import { publishPaced } from './publish-paced.js'
import { createChecks, type Result } from './result.js'
import { runScenario, type ScenarioContext } from './run-scenario.js'
import { seeded } from './seeded.js'
import { killAndInspect, type UncertainMails, untilInWindow, watchProgress } from './window.js'

export interface KillsOptions {
  readonly seed: number
  readonly events: number
  readonly perSecond: number
  readonly kills: number
  readonly kafkaRestart: boolean
  /** The scenario fails below this number. Default 1. */
  readonly minKills?: number
  /** Of these, with a mail between 354 and reply. Default 1. */
  readonly minInWindow?: number
  readonly onUnknown: 'prefer-duplicate' | 'prefer-loss'
  readonly nodeArguments?: readonly string[]
  /** After this time without progress the scenario fails. Default 30,000. */
  readonly stuckMs?: number
  readonly print: (line: string) => void
}

const notifiers = 3
const holdMs = 50

/** Notifiers are killed one after the other, and Kafka once, while mails are sent. */
export async function runKills(kafkaFixture: KafkaFixture, options: KillsOptions): Promise<Result> {
  const { onUnknown, print, nodeArguments = [], stuckMs = 30_000 } = options
  const { minKills = 1, minInWindow = 1 } = options
  const random = seeded(options.seed)
  const plan = makePlan(random, { ...options, notifiers })
  const events = makeEvents(options.events, people(50), random)
  const env = { HERALD_ON_UNKNOWN: onUnknown }
  const behaviour = holdReply(holdMs)
  print(`${onUnknown}: ${describePlan(plan)}`)
  return runScenario(
    kafkaFixture,
    { notifiers, behaviour, env, nodeArguments },
    async (context) => {
      const { sink, ledger, fleet, workspace, finish } = context
      const startedAt = Date.now()
      const end = new AbortController()
      const carriedOut = carryOut(kafkaFixture, context, plan, end.signal)
      carriedOut.catch(() => {})
      let settled: boolean
      try {
        await publishPaced(events, {
          ...options,
          broker: kafkaFixture.broker,
          topic: workspace.topic,
        })
        settled = await ledger.untilSettled(events, stuckMs)
      } finally {
        end.abort()
      }
      const { uncertain, kafkaRestarts } = await carriedOut
      const seconds = Math.round((Date.now() - startedAt) / 1000)
      const { exits, uncommitted, deadLetters } = await finish()

      const seen = countAtSink(events, sink.sends)
      const lost = new Set(seen.lost)
      const open = uncertain.flatMap((mails) => mails.open)
      const unrecorded = uncertain.flatMap((mails) => mails.unrecorded)
      const inDoubt = new Set([...open.flatMap(({ eventId }) => eventId ?? []), ...unrecorded])
      // A notifier sends a mail again if the ledger does not have the reply.
      const bound = open.length + unrecorded.length
      const records = await ledger.findAll(events.map(({ id }) => id))
      const unknown = new Set(
        events.flatMap(({ id }, at) => (records[at]?.state === 'unknown' ? [id] : [])),
      )
      const { failures, check } = createChecks()
      check(settled, 'not every event has an outcome')
      const inWindow = uncertain.filter((mails) => mails.open.length > 0).length
      check(
        uncertain.length >= minKills && inWindow >= minInWindow,
        `only ${uncertain.length} kills, ${inWindow} with a mail between 354 and reply`,
      )
      check(seen.outOfOrder === 0, `${seen.outOfOrder} mails out of order`)
      check(seen.unknownEvents === 0, `${seen.unknownEvents} mails of unknown events`)
      check(deadLetters.length === 0, `${deadLetters.length} dead letters`)
      check(
        exits.every((status) => status === 0),
        `the notifiers end with ${exits.join()}`,
      )
      check(
        seen.doubled.every((id) => inDoubt.has(id)),
        'a mail was sent twice that was not between 354 and the ledger at a kill',
      )
      if (onUnknown === 'prefer-duplicate') {
        check(lost.size === 0, `${lost.size} mails lost`)
        check(
          seen.duplicates <= bound,
          `${seen.duplicates} duplicates for ${bound} mails between 354 and the ledger`,
        )
      } else {
        check(seen.duplicates === 0, `${seen.duplicates} duplicates`)
        check(
          [...lost].every((id) => unknown.has(id)),
          'a mail is lost that the ledger does not list as unknown',
        )
        check(
          [...unknown].every((id) => inDoubt.has(id) || lost.has(id)) && unknown.size <= bound,
          'the ledger lists a mail as unknown that was not in flight at a kill',
        )
      }
      if (failures.length > 0)
        for (const line of fleet.warnings.slice(-15)) print(line.slice(0, 400))
      return {
        scenario: `kills, ${onUnknown}`,
        figures: {
          events: events.length,
          unique: seen.unique,
          duplicate: seen.duplicates,
          bound,
          '354…reply': open.length,
          '…ledger': unrecorded.length,
          lost: lost.size,
          'out of order': seen.outOfOrder,
          'dead letters': deadLetters.length,
          // They have outcomes, so this is harmless: a member that stops in a rebalance cannot commit.
          redelivered: uncommitted,
          unknown: unknown.size,
          kills: uncertain.length,
          'in window': inWindow,
          'Kafka restarts': kafkaRestarts,
          seconds,
        },
        failures,
      }
    },
  )
}

/** Carries out the plan until `signal` is aborted. */
async function carryOut(
  { kafka }: KafkaFixture,
  { sink, fleet, ledger }: ScenarioContext,
  plan: Plan,
  signal: AbortSignal,
) {
  const progress = watchProgress(sink)
  const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  const reached = (mails: number) => Promise.race([progress.until(mails), ended])
  const uncertain: UncertainMails[] = []
  let kafkaRestarts = 0

  const killing = async () => {
    const startedAtOf = new Array<number>(notifiers).fill(0)
    for (const { afterMails, victim, inWindow } of plan.kills) {
      await reached(afterMails)
      if (inWindow && !signal.aborted) await untilInWindow(sink, victim, 5000)
      if (signal.aborted) return
      uncertain.push(await killAndInspect(fleet, victim, startedAtOf[victim] ?? 0, sink, ledger))
      startedAtOf[victim] = Date.now()
      await fleet.start(victim)
    }
  }
  const restarting = async () => {
    if (plan.kafkaRestartAfterMails === undefined) return
    await reached(plan.kafkaRestartAfterMails)
    if (signal.aborted) return
    await kafka.restart(0)
    kafkaRestarts += 1
  }
  try {
    await Promise.all([killing(), restarting()])
  } finally {
    progress.end()
  }
  return { uncertain, kafkaRestarts }
}
