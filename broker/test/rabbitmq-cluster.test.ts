import { setTimeout as wait } from 'node:timers/promises'
import { openBroker } from '@herald/broker'
import type { RabbitmqServer } from '@herald/rabbitmq'
import {
  describeOnRabbitmq,
  newestRabbitmq,
  useRabbitmqCluster,
} from '@herald/rabbitmq/use-rabbitmq'
import { silentLogger } from '@herald/runtime/logger'
import { expect, onTestFinished, test } from 'vitest'
import {
  collector,
  idOf,
  interleaved,
  keysOutOfOrder,
  publishPersistently,
  useFixture,
} from './conformance/fixture.js'

const keys = 100

describeOnRabbitmq(newestRabbitmq, 'on a RabbitMQ of three nodes', () => {
  const rabbitmq = useRabbitmqCluster(newestRabbitmq)
  const fixture = useFixture(async () => ({ url: rabbitmq.url, dispose: async () => {} }))

  test('each node has a replica of each queue, and loses nothing when nodes are killed', async () => {
    const { nodes } = rabbitmq.cluster
    const [first, second] = [await fixture.open(), await fixture.open()]
    const got = collector()
    const firstAt = new Map<string, number>()
    let stillMs = 0
    let lastMs = performance.now()
    for (const broker of [first, second]) {
      await broker.subscribe({ topic: fixture.topic, group: 'all' }, async (delivery, context) => {
        if (!firstAt.has(idOf(delivery))) {
          stillMs = Math.max(stillMs, performance.now() - lastMs)
          lastMs = performance.now()
          firstAt.set(idOf(delivery), lastMs)
        }
        await got.handler(delivery, context)
      })
    }
    let round = 0
    let refused = 0
    let longestMs = 0
    let loading = true
    const load = (async () => {
      while (loading) {
        const startedAt = performance.now()
        refused += await publishPersistently(first, fixture.topic, interleaved(keys, 1, round))
        longestMs = Math.max(longestMs, performance.now() - startedAt)
        round += 1
        await wait(20)
      }
    })()
    const goesOn = () => {
      const [rounds, seen] = [round, got.seen.size]
      return fixture.until(() => {
        expect(round).toBeGreaterThan(rounds + 10)
        expect(got.seen.size).toBeGreaterThan(seen + 10 * keys)
      })
    }
    await goesOn()
    const replicas = await queuesOf(nodes[0], 'members')
    expect(replicas.filter(([, members]) => members.split(',').length !== nodes.length)).toEqual([])
    await untilRegistered(nodes)

    const leader = await leaderOf(nodes, fixture.topic)
    const follower = nodes.find((node) => node !== leader)
    await follower?.kill()
    await goesOn()
    await follower?.start()
    await goesOn()
    await leader.kill()
    await goesOn()
    const running = nodes.filter((node) => node !== leader)
    await expect(leaderOf(running, fixture.topic)).resolves.toBeDefined()
    await leader.start()
    loading = false
    await load
    const wanted = interleaved(keys, round).map(idOf)
    await fixture.until(() => expect(got.seen.size).toBe(wanted.length))
    expect(got.seen).toEqual(new Set(wanted))
    expect(keysOutOfOrder(got.ids)).toEqual([])
    console.log(
      `rabbitmq, 3 nodes, a follower and the leader killed: 0 of ${wanted.length} events lost, 0 out of order, ${got.ids.length - wanted.length} twice; publish refused ${refused} times, longest ${longestMs.toFixed()} ms; no event for ${stillMs.toFixed()} ms at most`,
    )
  })

  // RabbitMQ counts the members that were connected to that node: partitions were left to them until the node was back.
  test('while a node is down, the other members divide the partitions of its members', async () => {
    const [lost, ...running] = rabbitmq.cluster.nodes
    const subscriptions = await Promise.all(
      rabbitmq.cluster.nodes.map(async ({ url }) => {
        const broker = await openBroker(url, { logger: silentLogger })
        onTestFinished(() => broker.close())
        return broker.subscribe({ topic: fixture.topic, group: 'all' }, collector().handler)
      }),
    )
    const held = () => subscriptions.map(({ partitions = [] }) => partitions.length).sort()
    await fixture.until(() => expect(held()).toEqual([2, 3, 3]))
    await untilRegistered(running)
    await lost?.kill()
    const killedAt = performance.now()
    await fixture.until(() => expect(held()).toEqual([0, 4, 4]))
    const tookMs = performance.now() - killedAt
    console.log(`rabbitmq, a node killed: its partitions divided after ${tookMs.toFixed()} ms`)
    await lost?.start()
    await fixture.until(() => expect(held()).toEqual([2, 3, 3]))
  })
})

async function queuesOf(node: RabbitmqServer | undefined, column: string) {
  const lines = (await node?.ctl('list_queues', 'name', column))?.split('\n') ?? []
  return lines.filter(Boolean).map((line) => line.split('\t') as [name: string, value: string])
}

const untilRegistered = (nodes: readonly RabbitmqServer[]) =>
  Promise.all(nodes.map((node) => node.untilRegistered()))

/** The node that leads the stream of the first partition. `nodes`: those that run. */
async function leaderOf(nodes: readonly RabbitmqServer[], topic: string): Promise<RabbitmqServer> {
  const leaders = new Map(await queuesOf(nodes[0], 'leader'))
  const leader = nodes.find(({ name }) => name === leaders.get(`${topic}/0`))
  if (leader === undefined) throw new Error(`${topic} has no leader among the nodes that run`)
  return leader
}
