import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { openBroker } from '@herald/broker'
import { natsVersions } from '@herald/nats'
import { describeOnNats, useNatsCluster } from '@herald/nats/use-nats'
import { silentLogger } from '@herald/runtime/logger'
import { connect } from '@nats-io/transport-node'
import { expect, onTestFinished, test } from 'vitest'
import {
  collector,
  event,
  idOf,
  interleaved,
  keysOutOfOrder,
  pauseMeter,
  publishPersistently,
  useFixture,
} from './conformance/fixture.js'
import { replicasOf, useTopic } from './nats-replicas.js'
import { startProxy } from './tcp-proxy.js'

const keys = 100
const minRounds = 50
/** The default of a subscription. */
const maxBuffered = 320

/** The state of each thread as Linux names it: `T` is stopped. */
function threadStates(pid: number | undefined): string[] {
  const tasks = `/proc/${pid}/task`
  const stats = readdirSync(tasks).map((id) => readFileSync(`${tasks}/${id}/stat`, 'latin1'))
  return stats.map((stat) => stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '')
}

for (const version of natsVersions) {
  describeOnNats(version, `three servers of NATS ${version}: failures`, () => {
    const nats = useNatsCluster(version)
    const fixture = useFixture(async () => ({ url: nats.url, dispose: async () => {} }))
    const node = (index = -1) => {
      const found = nats.cluster.nodes[index]
      if (found === undefined) throw new RangeError(`no node ${index}`)
      return found
    }
    const leader = () => nats.cluster.leaderOf(`herald-${fixture.topic}`)

    /** Publishes until `fail` has ended, with two members in a group; prints the result. */
    async function underLoad(
      what: string,
      fail: (goesOn: () => Promise<void>) => Promise<void>,
    ): Promise<void> {
      const [publisher, first, second] = await Promise.all([
        fixture.open(),
        fixture.open(),
        fixture.open(),
      ])
      const pauses = pauseMeter()
      const got = collector()
      for (const member of [first, second]) {
        await member.subscribe(
          { topic: fixture.topic, group: 'all' },
          async (delivery, context) => {
            pauses.record(delivery.key)
            await got.handler(delivery, context)
          },
        )
      }
      let round = 0
      let refused = 0
      let longestPublishMs = 0
      /** Resolves when a round that begins now is acknowledged and handled. */
      const goesOn = () => {
        const last = `k${keys - 1}/${round + 2}`
        return fixture.until(() => expect(got.seen.has(last)).toBe(true))
      }
      let failing = true
      const failed = goesOn()
        .then(() => fail(goesOn))
        .finally(() => {
          failing = false
        })
      failed.catch(() => {})
      while (failing || round < minRounds) {
        const messages = Array.from({ length: keys }, (_, key) => event(`k${key}`, round))
        const startedAt = performance.now()
        refused += await publishPersistently(publisher, fixture.topic, messages)
        longestPublishMs = Math.max(longestPublishMs, performance.now() - startedAt)
        round += 1
        await wait(30)
      }
      await failed
      const wanted = interleaved(keys, round).map(idOf)
      await fixture.until(() => expect(got.seen.size).toBe(wanted.length))
      expect(got.seen).toEqual(new Set(wanted))
      expect(keysOutOfOrder(got.ids)).toEqual([])
      const twice = got.ids.length - wanted.length
      // A publish that was refused may be stored, and each member may handle again what it had buffered.
      expect(twice).toBeLessThanOrEqual(refused * keys + 2 * maxBuffered)
      console.log(
        `nats ${version}, 3 servers, ${what}: 0 of ${wanted.length} lost, 0 out of order, ${twice} twice; publish refused ${refused} times, longest ${Math.round(longestPublishMs)} ms; a key stood still for ${pauses.longestMs} ms at most`,
      )
    }

    test('publishing and delivery go on when one server, then the leader, is killed: nothing is lost', async () => {
      await underLoad('one killed, then the leader', async (goesOn) => {
        const leads = (await leader()) ?? 0
        await killAndStart((leads + 1) % 3, goesOn)
        await nats.cluster.untilCurrent()
        const before = await leader()
        await killAndStart(before, goesOn)
        await nats.cluster.untilCurrent()
      })
    })

    async function killAndStart(index: number | undefined, goesOn: () => Promise<void>) {
      await node(index).end('SIGKILL')
      await goesOn()
      expect(await leader()).not.toBe(index)
      await node(index).start()
    }

    test('a topic that is created while a server is down has three replicas', async () => {
      const [down, ...others] = nats.cluster.nodes
      await down?.end('SIGKILL')
      const url = `nats://${others.map(({ address }) => address).join(',')}`
      const topic = await useTopic(`${url}?publishTimeoutMs=60000`)
      expect(await replicasOf(topic, url)).toEqual([3, 3])
      await down?.start()
      await nats.cluster.untilCurrent()
    })

    test('an event that is sent again while its first copy is being stored is acknowledged once stored', async () => {
      const broker = await fixture.open()
      await broker.publish(fixture.topic, [event('k', 0)])
      const leads = (await leader()) ?? 0
      const followers = nats.cluster.nodes.filter((_, index) => index !== leads)
      const proxy = await startProxy(node(leads).port)
      const url = `nats://${proxy.address}?publishTimeoutMs=60000`
      const publisher = await openBroker(url, { logger: silentLogger })
      onTestFinished(() => publisher.close())
      await publisher.publish(fixture.topic, [event('k', 1)])
      const observer = await connect({ servers: node(leads).address })
      onTestFinished(() => observer.close())
      let sent = 0
      observer.subscribe(`herald.topic.${fixture.topic}.*`, {
        callback: () => {
          sent += 1
        },
      })
      await observer.flush()
      // Without them nothing is stored.
      const resume = () => followers.forEach((follower) => void follower.signal('SIGCONT'))
      onTestFinished(resume)
      for (const follower of followers) follower.signal('SIGSTOP')
      // A thread may go on for a moment, and store the first copy.
      await fixture.until(() => {
        expect(followers.flatMap(({ pid }) => threadStates(pid)).join('')).toMatch(/^T+$/)
      })
      const publishing = publisher.publish(fixture.topic, [event('k', 2)])
      publishing.catch(() => {})
      await fixture.until(() => expect(sent).toBe(1))
      proxy.cut()
      await fixture.until(() => expect(sent).toBeGreaterThan(1))
      resume()
      const [position] = await publishing
      expect(position?.offset).not.toBe('0')
      await nats.cluster.untilCurrent()
      const got = collector()
      await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
      await fixture.until(() => expect(got.ids).toEqual(['k/0', 'k/1', 'k/2']))
    })

    // Takes up to half a minute.
    if (version === '2.15')
      test('publishing and delivery go on when the leader is stopped, and when it continues', async () => {
        await underLoad('the leader stopped and continued', async (goesOn) => {
          const stopped = await leader()
          node(stopped).signal('SIGSTOP')
          await goesOn()
          node(stopped).signal('SIGCONT')
          await nats.cluster.untilCurrent()
          await goesOn()
        })
      })
  })
}
