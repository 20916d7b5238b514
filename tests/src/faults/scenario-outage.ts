import { setTimeout as pause } from 'node:timers/promises'
import { holdReply } from './behaviours.js'
import { countAtSink } from './count.js'
import { makeEvents, people } from './events.js'
import { play } from './play.js'
import { publishPaced } from './publish-paced.js'
import { promises, type Result } from './result.js'
import { seeded } from './seeded.js'
import type { Stage } from './stage.js'
import { watchProgress } from './window.js'

export interface OutageOptions {
  readonly seed: number
  readonly events: number
  readonly perSecond: number
  readonly awayMs: number
  /** Every notifier is to send again so soon after the server's return. */
  readonly resumeWithinMs: number
  readonly say: (line: string) => void
}

const notifiers = 3

/** The mail server goes away in the middle and comes back. */
export async function runOutage(stage: Stage, options: OutageOptions): Promise<Result> {
  const random = seeded(options.seed)
  const events = makeEvents(options.events, people(50), random)
  const behaviour = holdReply(20)
  return play(stage, { notifiers, behaviour }, async ({ sink, ledger, place, finish, fleet }) => {
    const progress = watchProgress(sink)
    const publishing = publishPaced(events, {
      ...options,
      broker: stage.broker,
      topic: place.topic,
    })
    publishing.catch(() => {})
    await progress.until(Math.floor(events.length / 4))
    const open = sink.open()
    const before = sink.sends.length
    await sink.stop()
    await pause(options.awayMs)
    await sink.start()
    const backAt = Date.now()
    await publishing
    const settled = await ledger.untilSettled(events, 60_000)
    progress.end()
    const { deadLetters, uncommitted } = await finish()

    const after = sink.sends.slice(before).filter(({ startedAt }) => startedAt >= backAt)
    const resumed = sink.urls.map(
      (_, index) => (after.find(({ door }) => door === index)?.startedAt ?? Infinity) - backAt,
    )
    const cut = new Set(open.flatMap(({ eventId }) => eventId ?? []))
    // Cut before its body was whole: the server cannot say which event it was.
    const nameless = open.filter(({ eventId }) => eventId === undefined).length
    const records = await ledger.findAll(events.map(({ id }) => id))
    const again = events.filter(({ id }, at) => !cut.has(id) && (records[at]?.attempts ?? 0) > 1)
    const burned = Math.max(0, again.length - nameless)
    const seen = countAtSink(events, sink.sends)
    const slowestMs = Math.max(...resumed)
    const { faults, hold } = promises()
    hold(settled, 'not every event came to an end')
    hold(seen.lost.length === 0, `${seen.lost.length} mails lost`)
    hold(seen.outOfOrder === 0, `${seen.outOfOrder} mails out of order`)
    hold(
      seen.duplicates <= open.length,
      `${seen.duplicates} duplicates for ${open.length} mails in flight`,
    )
    hold(deadLetters.length === 0, `${deadLetters.length} dead letters`)
    hold(burned === 0, `${burned} mails lost an attempt to the outage`)
    hold(
      slowestMs <= options.resumeWithinMs,
      `a notifier sends again only ${slowestMs} ms after the server's return`,
    )
    if (faults.length > 0)
      for (const line of fleet.complaints.slice(-15)) options.say(line.slice(0, 400))
    return {
      scenario: `mail server away for ${options.awayMs / 1000} s`,
      figures: {
        events: events.length,
        unique: seen.unique,
        duplicate: seen.duplicates,
        bound: open.length,
        lost: seen.lost.length,
        'out of order': seen.outOfOrder,
        'dead letters': deadLetters.length,
        // Settled, so they do no harm; a member that stops in a rebalance cannot commit.
        'come again': uncommitted,
        'attempts burned': burned,
        'resumed ms': resumed.join('/'),
      },
      faults,
    }
  })
}
