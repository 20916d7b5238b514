import { holdReply } from './behaviours.js'
import type { BrokerName } from './broker-server.js'
import { type ClusterScenarioOptions, notifiers, withCluster } from './cluster.js'
import { makeEvents, people } from './events.js'
import { redeliveries } from './lag.js'
import { createNotifierFaults } from './notifier-faults.js'
import type { Result } from './result.js'
import { seeded, whole } from './seeded.js'
import { runUnderLoad } from './under-load.js'
import { judge } from './verdict.js'

export interface SuspendedOptions extends ClusterScenarioOptions {
  readonly brokerName: BrokerName
  /** Longer than the session, the lease and the mail server's reply. */
  readonly stoppedMs: number
}

/**
 * One of three notifiers is suspended for longer than its session and continues. The others take over; what
 * the broker delivers twice is mailed once.
 */
export async function runSuspended(options: SuspendedOptions): Promise<Result> {
  const { brokerName, stoppedMs } = options
  const scenario = `one of three notifiers suspended, on ${brokerName}`
  const random = seeded(options.seed)
  const events = makeEvents(options.events, people(50), random)
  const settings = { ...options, behaviour: holdReply(20) }
  const result = await withCluster(settings, async (cluster): Promise<Result> => {
    const faultsOf = createNotifierFaults(cluster, { stoppedMs, cutOffMs: 0 })
    const load = await runUnderLoad(cluster, {
      ...options,
      events,
      faults: [faultsOf.suspend(whole(random, notifiers))],
      gapMails: Math.floor(options.events / 10),
    })
    const redelivered = await redeliveries(cluster.fleet, notifiers)
    const verdict = await judge(cluster, load, { ...options, events })
    const stale = faultsOf.sentAfterLoss()
    verdict.check(
      stale.length === 0,
      `${stale.length} mails were sent by a suspended notifier that another had sent`,
    )
    const { figures, ...rest } = verdict.result(scenario)
    return { ...rest, figures: { ...figures, redelivered } }
  })
  return 'missing' in result
    ? { scenario, figures: {}, failures: [], leftOut: result.missing }
    : result
}
