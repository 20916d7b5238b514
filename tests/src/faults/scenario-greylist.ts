import { all, greylist, holdReply } from './behaviours.js'
import { checkMails, countAtSink } from './count.js'
import type { TestEvent } from './events.js'
import type { KafkaFixture } from './kafka-fixture.js'
import { samePartition, withOne } from './one-partition.js'
import { publishPaced } from './publish-paced.js'
import { createChecks, type Result } from './result.js'
import { runScenario } from './run-scenario.js'
import { seeded } from './seeded.js'

export interface GreylistOptions {
  readonly seed: number
  /** To others. */
  readonly events: number
  readonly greylistMs: number
  /** Runs with and without, in turn. */
  readonly rounds: number
  /** The others' rate with it over that without; 0: no bound. */
  readonly minRatio: number
}

const greylistedMails = 5

/** One recipient is greylisted, in the same partition as all others. */
export async function runGreylist(
  kafkaFixture: KafkaFixture,
  options: GreylistOptions,
): Promise<Result> {
  const random = seeded(options.seed)
  const [slow = '', ...others] = samePartition(51)
  const { failures, check } = createChecks()
  const rates: Record<'with' | 'without', number[]> = { with: [], without: [] }
  let waited = 0
  let lost = 0
  for (let round = 0; round < options.rounds; round += 1) {
    for (const how of round % 2 === 0
      ? (['without', 'with'] as const)
      : (['with', 'without'] as const)) {
      const events = withOne(random, options.events, others, slow, greylistedMails)
      const outcome = await runOnce(
        kafkaFixture,
        events,
        slow,
        how === 'with' ? options.greylistMs : 0,
      )
      check(outcome.settled, 'not every event has an outcome')
      lost += checkMails(check, outcome.seen).lost
      rates[how].push(outcome.othersPerSecond)
      if (how === 'with') waited = Math.max(waited, outcome.slowAfterMs)
    }
  }
  const ratio = median(rates.with) / median(rates.without)
  check(ratio >= options.minRatio, `the others are slower: ratio ${ratio.toFixed(2)}`)
  return {
    scenario: `one greylisted for ${options.greylistMs / 1000} s`,
    figures: {
      events: options.events + greylistedMails,
      lost,
      ratio: ratio.toFixed(2),
      'per second': `${median(rates.with).toFixed(0)}/${median(rates.without).toFixed(0)}`,
      'greylisted after s': (waited / 1000).toFixed(1),
    },
    failures: [...new Set(failures)],
  }
}

async function runOnce(
  kafkaFixture: KafkaFixture,
  events: readonly TestEvent[],
  slow: string,
  greylistMs: number,
) {
  const behaviour = all(greylist(slow, greylistMs), holdReply(10))
  return runScenario(
    kafkaFixture,
    { notifiers: 1, behaviour },
    async ({ sink, ledger, workspace }) => {
      await publishPaced(events, {
        broker: kafkaFixture.broker,
        topic: workspace.topic,
        perSecond: Infinity,
      })
      const settled = await ledger.untilSettled(events, 30_000)
      const bodyTimes = (mine: boolean) =>
        sink.sends
          .filter(({ recipient }) => (recipient === slow) === mine)
          .map(({ bodyAt = 0 }) => bodyAt)
      const others = bodyTimes(false)
      const firstAt = Math.min(...others)
      return {
        settled,
        seen: countAtSink(events, sink.sends),
        othersPerSecond: (others.length / (Math.max(...others) - firstAt)) * 1000,
        slowAfterMs: Math.min(...bodyTimes(true)) - firstAt,
      }
    },
  )
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
}
