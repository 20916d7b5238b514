import { all, holdReply } from './behaviours.js'
import { type ClusterScenarioOptions, notifiers, withCluster } from './cluster.js'
import { makeEvents, people } from './events.js'
import { createNotifierFaults } from './notifier-faults.js'
import { greylistAll, planRemoval } from './removal.js'
import type { Result } from './result.js'
import { seeded, whole } from './seeded.js'
import { everyNotifier, runUnderLoad } from './under-load.js'
import { judge } from './verdict.js'

export interface SeveralNotifiersOptions extends ClusterScenarioOptions {
  /** Which faults happen: each to every notifier, each once, or only that one is suspended. */
  readonly faults: 'each to every notifier' | 'each once' | 'suspension only'
  /** Longer than the lease and the mail server's reply. */
  readonly stoppedMs: number
  readonly cutOffMs: number
  readonly nodeArguments?: readonly string[]
}

/**
 * Notifiers on machines of their own are killed, suspended, and cut off from PostgreSQL, from Kafka
 * and from everything; then two are removed for good, one by SIGTERM and one by SIGKILL.
 */
export async function runSeveralNotifiers(options: SeveralNotifiersOptions): Promise<Result> {
  const scenario = 'three notifiers in networks of their own'
  const random = seeded(options.seed)
  const events = makeEvents(options.events, people(50), random)
  const first = whole(random, notifiers)
  const busy = new Set<string>()
  const settings = {
    ...options,
    ownNetworks: true,
    behaviour: all(greylistAll(busy), holdReply(20)),
    // A digest is to be open still after a rebalance.
    env: {
      HERALD_PARK_FOR: '500ms',
      HERALD_DIGEST_QUIET: `${Math.max(10_000, 2 * options.leaseMs)}ms`,
    },
  }
  const result = await withCluster(settings, async (cluster): Promise<Result> => {
    const faultsOf = createNotifierFaults(cluster, options)
    const { kill, suspend, cutOff } = faultsOf
    const nth = (index: number) => (first + index) % notifiers
    const inTurn = everyNotifier.map(nth)
    const each = [
      kill,
      suspend,
      (victim: number) => cutOff(victim, ['PostgreSQL']),
      (victim: number) => cutOff(victim, ['Kafka']),
      (victim: number) => cutOff(victim, ['Kafka', 'PostgreSQL', 'mail']),
    ]
    const faults = {
      'each to every notifier': each.flatMap((make) => inTurn.map(make)),
      'each once': each.map((make, at) => make(nth(at))),
      'suspension only': [suspend(nth(0))],
    }[options.faults]
    const removals =
      options.faults === 'suspension only'
        ? []
        : [
            planRemoval(cluster, nth(2), 'SIGTERM', busy),
            planRemoval(cluster, nth(1), 'SIGKILL', busy),
          ]
    const load = await runUnderLoad(cluster, {
      ...options,
      events,
      faults: [...faults, ...removals.map(({ fault }) => fault)],
      gapMails: Math.ceil(options.events / 200),
    })
    const waited = removals.flatMap((removal) => removal.events)
    const verdict = await judge(cluster, load, { ...options, events, waited })
    const { check } = verdict
    const stale = faultsOf.sentAfterLoss()
    check(
      stale.length === 0,
      `${stale.length} mails were sent by a suspended notifier that another had sent`,
    )
    for (const removal of removals) for (const failure of removal.failures()) check(false, failure)
    return verdict.result(scenario)
  })
  return 'missing' in result
    ? { scenario, figures: {}, failures: [], leftOut: result.missing }
    : result
}
