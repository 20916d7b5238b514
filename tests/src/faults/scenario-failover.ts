import { holdReply } from './behaviours.js'
import { type ClusterScenarioOptions, withCluster } from './cluster.js'
import { makeEvents, people } from './events.js'
import type { Result } from './result.js'
import { seeded } from './seeded.js'
import { everyNotifier, type Fault, runUnderLoad } from './under-load.js'
import { judge } from './verdict.js'
import { inspectFault } from './window.js'

/** Three notifiers, whose PostgreSQL is killed: its synchronous standby is promoted. */
export async function runFailover(options: ClusterScenarioOptions): Promise<Result> {
  const scenario = 'PostgreSQL killed, standby promoted'
  const events = makeEvents(options.events, people(50), seeded(options.seed))
  const settings = { ...options, standby: true, behaviour: holdReply(20) }
  const result = await withCluster(settings, async (cluster) => {
    const { postgres, standby, sink, ledger } = cluster
    const failover: Fault = {
      name: 'PostgreSQL killed, standby promoted',
      inject: () =>
        inspectFault(everyNotifier, 0, sink, ledger, async () => {
          await postgres.kill()
          await standby?.promote()
        }),
    }
    const gapMails = Math.floor(options.events / 2)
    const load = await runUnderLoad(cluster, { ...options, events, gapMails, faults: [failover] })
    return (await judge(cluster, load, { ...options, events })).result(scenario)
  })
  return 'missing' in result
    ? { scenario, figures: {}, failures: [], leftOut: result.missing }
    : result
}
