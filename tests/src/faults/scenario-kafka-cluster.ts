import { setTimeout as pause } from 'node:timers/promises'
import type { KafkaCluster } from '@herald/kafka'
import { holdReply } from './behaviours.js'
import { type ClusterScenarioOptions, withCluster } from './cluster.js'
import { makeEvents, people } from './events.js'
import { partitionsOf } from './kafka-partitions.js'
import type { Result } from './result.js'
import { seeded, whole } from './seeded.js'
import { type Fault, runUnderLoad } from './under-load.js'
import { judge } from './verdict.js'

export interface KafkaClusterOptions extends ClusterScenarioOptions {
  /** How long a killed broker is not running. */
  readonly awayMs: number
}

const brokers = 3

/** On three brokers, one is killed, comes back, and then the leader of a partition is killed. */
export async function runKafkaCluster(options: KafkaClusterOptions): Promise<Result> {
  const scenario = 'one of three brokers killed, then a leader'
  const random = seeded(options.seed)
  const events = makeEvents(options.events, people(50), random)
  const first = whole(random, brokers)
  const settings = { ...options, kafkaBrokers: brokers, behaviour: holdReply(20) } as const
  const result = await withCluster(settings, async (cluster) => {
    const { kafka, topic } = cluster
    if (kafka === undefined) throw new Error('the cluster is not on Kafka')
    const partition = whole(random, (await partitionsOf(kafka.bootstrap, topic)).length)
    const leader = async () =>
      (await partitionsOf(kafka.bootstrap, topic))[partition]?.leader ?? first
    const faults = [
      killBroker({ kafka, topic }, `broker ${first} killed`, async () => first, options),
      killBroker({ kafka, topic }, `the leader of partition ${partition} killed`, leader, options),
    ]
    const gapMails = Math.floor(options.events / 10)
    const load = await runUnderLoad(cluster, { ...options, events, gapMails, faults })
    return (await judge(cluster, load, { ...options, events })).result(scenario)
  })
  return 'missing' in result
    ? { scenario, figures: {}, failures: [], leftOut: result.missing }
    : result
}

/** Kills a broker and starts it again; the fault ends when it has all events. */
function killBroker(
  { kafka, topic }: { readonly kafka: KafkaCluster; readonly topic: string },
  name: string,
  which: () => Promise<number>,
  { awayMs, stuckMs, print }: KafkaClusterOptions,
): Fault {
  return {
    name: `${name} for ${awayMs / 1000} s`,
    async inject() {
      const index = await which()
      await kafka.kill(index)
      await pause(awayMs)
      await kafka.restart(index)
      const end = Date.now() + stuckMs
      const isComplete = async () =>
        (await partitionsOf(kafka.bootstrap, topic)).every(
          ({ inSync }) => inSync.length === brokers,
        )
      while (!(await isComplete().catch(() => false))) {
        if (Date.now() > end) throw new Error(`broker ${index} did not catch up`)
        await pause(200)
      }
      print(`broker ${index} killed and caught up`)
      return { open: [], unrecorded: [] }
    },
  }
}
