import type { Cluster } from './cluster.js'
import { checkMails, countAtSink } from './count.js'
import type { TestEvent } from './events.js'
import { createChecks, type Result } from './result.js'
import { everyNotifier, type LoadResult } from './under-load.js'

export interface JudgeOptions {
  readonly events: readonly TestEvent[]
  /** Events besides those of the load. */
  readonly waited?: readonly TestEvent[]
  readonly stuckMs: number
  readonly print: (line: string) => void
}

/** Checks that are the same for every scenario on a cluster; more may be added before `result`. */
export interface Verdict {
  check(holds: boolean, otherwise: string): void
  result(scenario: string): Result
}

/** Stops the notifiers and compares what the mail server has with what was published. */
export async function judge(
  { sink, fleet, ledger, deadLetters }: Cluster,
  load: LoadResult,
  { events, waited = [], stuckMs, print }: JudgeOptions,
): Promise<Verdict> {
  const { failures, check } = createChecks()
  check(load.settled, 'not every event has an outcome')
  check(
    await ledger.untilSettled(waited, 2 * stuckMs),
    'not every event that waited has an outcome',
  )
  const exits = await Promise.all(everyNotifier.map((index) => fleet.stop(index)))
  const dead = await deadLetters()

  const open = load.uncertain.flatMap((mails) => mails.open)
  const unrecorded = load.uncertain.flatMap((mails) => mails.unrecorded)
  const inDoubt = new Set([...open.flatMap(({ eventIds }) => eventIds), ...unrecorded])
  const bound = open.length + unrecorded.length
  const singles = sink.sends.filter(({ eventIds }) => eventIds.length === 1)
  const digests = sink.sends.filter(({ eventIds }) => eventIds.length > 1)
  const ofDigests = new Set(digests.flatMap(({ eventIds }) => eventIds))
  const alone = waited.filter(({ id }) => !ofDigests.has(id))
  const seen = countAtSink([...events, ...alone], singles)
  const counts = checkMails(check, seen, bound)
  const outside = seen.doubled.filter((id) => !inDoubt.has(id)).length
  check(outside === 0, `${outside} mails came twice that were not in flight at a fault`)
  check(load.late === 0, `${load.late} faults happened when every event was published`)
  check(dead.length === 0, `${dead.length} dead letters: ${dead[0]}`)
  check(
    exits.every((status) => status === null || status === 0),
    `the notifiers end with ${exits.join()}`,
  )
  return {
    check,
    result(scenario) {
      if (failures.length > 0) {
        for (const line of fleet.warnings.slice(-30)) print(line.slice(0, 400))
      }
      const first = load.publishedAt[0] ?? 0
      return {
        scenario,
        figures: {
          events: events.length + waited.length,
          ...counts,
          bound,
          '354…reply': open.length,
          '…ledger': unrecorded.length,
          'dead letters': dead.length,
          faults: load.periods.length,
          seconds: Math.round(((load.periods.at(-1)?.caughtUpAt ?? first) - first) / 1000),
        },
        failures,
      }
    },
  }
}
