import { setTimeout as pause } from 'node:timers/promises'
import { holdReply } from './behaviours.js'
import { checkMails, countAtSink } from './count.js'
import { makeEvents, people } from './events.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { publishPaced } from './publish-paced.js'
import { createChecks, type Result } from './result.js'
import { runScenario } from './run-scenario.js'
import { seeded } from './seeded.js'
import { watchProgress } from './window.js'

export interface OutageOptions {
  readonly seed: number
  readonly events: number
  readonly perSecond: number
  readonly awayMs: number
  /** Every notifier must send again within this time after the server is back. */
  readonly resumeWithinMs: number
  readonly print: (line: string) => void
}

const notifiers = 3

/** The mail server stops during the run and starts again. */
export async function runOutage(
  kafkaFixture: KafkaFixture,
  options: OutageOptions,
): Promise<Result> {
  const random = seeded(options.seed)
  const events = makeEvents(options.events, people(50), random)
  const behaviour = holdReply(20)
  return runScenario(
    kafkaFixture,
    { notifiers, behaviour },
    async ({ sink, ledger, workspace, finish, fleet }) => {
      const progress = watchProgress(sink)
      const publishing = publishPaced(events, {
        ...options,
        broker: kafkaFixture.broker,
        topic: workspace.topic,
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
        (_, index) =>
          (after.find(({ listener }) => listener === index)?.startedAt ?? Infinity) - backAt,
      )
      const cut = new Set(open.flatMap(({ eventId }) => eventId ?? []))
      // Cut before the body was complete, so the server does not know the event.
      const unidentified = open.filter(({ eventId }) => eventId === undefined).length
      const records = await ledger.findAll(events.map(({ id }) => id))
      const again = events.filter(({ id }, at) => !cut.has(id) && (records[at]?.attempts ?? 0) > 1)
      const lostAttempts = Math.max(0, again.length - unidentified)
      const seen = countAtSink(events, sink.sends)
      const slowestMs = Math.max(...resumed)
      const { failures, check } = createChecks()
      check(settled, 'not every event has an outcome')
      // Those in flight when the server stopped may be sent again.
      const figures = checkMails(check, seen, open.length)
      check(deadLetters.length === 0, `${deadLetters.length} dead letters`)
      check(lostAttempts === 0, `${lostAttempts} mails lost an attempt to the outage`)
      check(
        slowestMs <= options.resumeWithinMs,
        `a notifier sends again only ${slowestMs} ms after the server's return`,
      )
      if (failures.length > 0)
        for (const line of fleet.warnings.slice(-15)) options.print(line.slice(0, 400))
      return {
        scenario: `mail server away for ${options.awayMs / 1000} s`,
        figures: {
          events: events.length,
          ...figures,
          bound: open.length,
          'dead letters': deadLetters.length,
          // They have outcomes, so this is harmless: a member that stops in a rebalance cannot commit.
          redelivered: uncommitted,
          'attempts lost': lostAttempts,
          'resumed ms': resumed.join('/'),
        },
        failures,
      }
    },
  )
}
