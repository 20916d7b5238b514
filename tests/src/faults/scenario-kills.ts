import { holdReply } from './behaviours.js'
import { countAtSink } from './count.js'
import { makeEvents, people } from './events.js'
import { describePlan, makePlan, type Plan } from './plan.js'
import { type Players, play } from './play.js'
import { publishPaced } from './publish-paced.js'
import { promises, type Result } from './result.js'
import { seeded } from './seeded.js'
import type { Stage } from './stage.js'
import { type Doubt, killAndLook, untilInWindow, watchProgress } from './window.js'

export interface KillsOptions {
  readonly seed: number
  readonly events: number
  readonly perSecond: number
  readonly kills: number
  readonly kafkaRestart: boolean
  /** Fewer, where all mail was through before, show too little. Default 1. */
  readonly leastKills?: number
  /** Of these, with a mail between 354 and reply. Default 1. */
  readonly leastInWindow?: number
  readonly onUnknown: 'prefer-duplicate' | 'prefer-loss'
  readonly nodeArguments?: readonly string[]
  /** How long nothing may move before it counts as stuck. Default 30,000. */
  readonly stuckMs?: number
  readonly say: (line: string) => void
}

const notifiers = 3
const holdMs = 50

/** Notifiers die one after the other, Kafka once, while mail flows. */
export async function runKills(stage: Stage, options: KillsOptions): Promise<Result> {
  const { onUnknown, say, nodeArguments = [], stuckMs = 30_000 } = options
  const { leastKills = 1, leastInWindow = 1 } = options
  const random = seeded(options.seed)
  const plan = makePlan(random, { ...options, notifiers })
  const events = makeEvents(options.events, people(50), random)
  const env = { HERALD_ON_UNKNOWN: onUnknown }
  const behaviour = holdReply(holdMs)
  say(`${onUnknown}: ${describePlan(plan)}`)
  return play(stage, { notifiers, behaviour, env, nodeArguments }, async (players) => {
    const { sink, ledger, fleet, place, finish } = players
    const startedAt = Date.now()
    const over = new AbortController()
    const troubles = makeTrouble(stage, players, plan, over.signal)
    troubles.catch(() => {})
    let settled: boolean
    try {
      await publishPaced(events, { ...options, broker: stage.broker, topic: place.topic })
      settled = await ledger.untilSettled(events, stuckMs)
    } finally {
      over.abort()
    }
    const { doubts, kafkaRestarts } = await troubles
    const seconds = Math.round((Date.now() - startedAt) / 1000)
    const { exits, uncommitted, deadLetters } = await finish()

    const seen = countAtSink(events, sink.sends)
    const lost = new Set(seen.lost)
    const open = doubts.flatMap((doubt) => doubt.open)
    const unnoted = doubts.flatMap((doubt) => doubt.unnoted)
    const inDoubt = new Set([...open.flatMap(({ eventId }) => eventId ?? []), ...unnoted])
    // A reply counts for the notifier once the ledger has it: what it cannot know it sends again.
    const bound = open.length + unnoted.length
    const records = await ledger.findAll(events.map(({ id }) => id))
    const unknown = new Set(
      events.flatMap(({ id }, at) => (records[at]?.state === 'unknown' ? [id] : [])),
    )
    const { faults, hold } = promises()
    hold(settled, 'not every event came to an end')
    const inWindow = doubts.filter((doubt) => doubt.open.length > 0).length
    hold(
      doubts.length >= leastKills && inWindow >= leastInWindow,
      `only ${doubts.length} kills, ${inWindow} with a mail between 354 and reply`,
    )
    hold(seen.outOfOrder === 0, `${seen.outOfOrder} mails out of order`)
    hold(seen.strange === 0, `${seen.strange} mails of unknown events`)
    hold(deadLetters.length === 0, `${deadLetters.length} dead letters`)
    hold(
      exits.every((status) => status === 0),
      `the notifiers end with ${exits.join()}`,
    )
    hold(
      seen.doubled.every((id) => inDoubt.has(id)),
      'a mail came twice that was not between 354 and the ledger at a kill',
    )
    if (onUnknown === 'prefer-duplicate') {
      hold(lost.size === 0, `${lost.size} mails lost`)
      hold(
        seen.duplicates <= bound,
        `${seen.duplicates} duplicates for ${bound} mails between 354 and the ledger`,
      )
    } else {
      hold(seen.duplicates === 0, `${seen.duplicates} duplicates`)
      hold(
        [...lost].every((id) => unknown.has(id)),
        'a mail is lost that the ledger does not list as unknown',
      )
      hold(
        [...unknown].every((id) => inDoubt.has(id) || lost.has(id)) && unknown.size <= bound,
        'the ledger lists a mail as unknown that was not in flight at a kill',
      )
    }
    if (faults.length > 0) for (const line of fleet.complaints.slice(-15)) say(line.slice(0, 400))
    return {
      scenario: `kills, ${onUnknown}`,
      figures: {
        events: events.length,
        unique: seen.unique,
        duplicate: seen.duplicates,
        bound,
        '354…reply': open.length,
        '…ledger': unnoted.length,
        lost: lost.size,
        'out of order': seen.outOfOrder,
        'dead letters': deadLetters.length,
        // Settled, so they do no harm; a member that stops in a rebalance cannot commit.
        'come again': uncommitted,
        unknown: unknown.size,
        kills: doubts.length,
        'in window': inWindow,
        'Kafka restarts': kafkaRestarts,
        seconds,
      },
      faults,
    }
  })
}

/** Carries out the plan; ends early when `over`. */
async function makeTrouble(
  { kafka }: Stage,
  { sink, fleet, ledger }: Players,
  plan: Plan,
  over: AbortSignal,
) {
  const progress = watchProgress(sink)
  const ended = new Promise<void>((resolve) => over.addEventListener('abort', () => resolve()))
  const reached = (mails: number) => Promise.race([progress.until(mails), ended])
  const doubts: Doubt[] = []
  let kafkaRestarts = 0

  const killing = async () => {
    const bornAt = new Array<number>(notifiers).fill(0)
    for (const { afterMails, victim, inWindow } of plan.kills) {
      await reached(afterMails)
      if (inWindow && !over.aborted) await untilInWindow(sink, victim, 5000)
      if (over.aborted) return
      doubts.push(await killAndLook(fleet, victim, bornAt[victim] ?? 0, sink, ledger))
      bornAt[victim] = Date.now()
      await fleet.start(victim)
    }
  }
  const restarting = async () => {
    if (plan.kafkaRestartAfterMails === undefined) return
    await reached(plan.kafkaRestartAfterMails)
    if (over.aborted) return
    await kafka.restart(0)
    kafkaRestarts += 1
  }
  try {
    await Promise.all([killing(), restarting()])
  } finally {
    progress.end()
  }
  return { doubts, kafkaRestarts }
}
