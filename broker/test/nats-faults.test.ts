import { setTimeout as wait } from 'node:timers/promises'
import { type BrokerError, openBroker } from '@herald/broker'
import { natsVersions } from '@herald/nats'
import { describeOnNats, useNats } from '@herald/nats/use-nats'
import { silentLogger } from '@herald/runtime/logger'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { expect, onTestFinished, test } from 'vitest'
import {
  collector,
  event,
  idOf,
  interleaved,
  keysOutOfOrder,
  publishPersistently,
  useFixture,
} from './conformance/fixture.js'
import { type Accepted, firstAcceptances, startMember } from './conformance/member-process.js'
import { startProxy } from './nats-proxy.js'

const keys = 100

for (const version of natsVersions) {
  describeOnNats(version, `NATS ${version}: failures`, () => {
    const nats = useNats(version)
    const createBroker = async () => ({
      url: `${nats.url}?sessionTimeoutMs=2000`,
      dispose: async () => {},
    })
    const fixture = useFixture(createBroker)

    test('5,000 events while the server is killed: none lost, none out of order', async () => {
      const rounds = 50
      const broker = await fixture.open()
      const lastAt = new Map<string | null, number>()
      let stillMs = 0
      const got = collector()
      await broker.subscribe({ topic: fixture.topic, group: 'all' }, async (delivery, context) => {
        const now = performance.now()
        stillMs = Math.max(stillMs, now - (lastAt.get(delivery.key) ?? now))
        lastAt.set(delivery.key, now)
        await got.handler(delivery, context)
      })
      let restarting: Promise<void> | undefined
      let refused = 0
      for (let round = 0; round < rounds; round += 1) {
        // Not awaited: messages are under way when the server is killed.
        if (round === 20) restarting = nats.server.restart()
        const messages = Array.from({ length: keys }, (_, key) => event(`k${key}`, round))
        refused += await publishPersistently(broker, fixture.topic, messages)
      }
      await restarting
      const wanted = interleaved(keys, rounds).map(idOf)
      await fixture.until(() => expect(got.seen.size).toBe(wanted.length))
      expect(got.seen).toEqual(new Set(wanted))
      expect(keysOutOfOrder(got.ids)).toEqual([])
      console.log(
        `nats ${version}, server killed: 0 of ${wanted.length} lost, 0 out of order, ${got.ids.length - wanted.length} twice; publish refused ${refused} times; a key stood still for ${Math.round(stillMs)} ms at most`,
      )
    })

    test('events that were on their way when the connection was cut are delivered again', async () => {
      const rounds = 50
      const proxy = await startProxy(nats.server.port)
      const publisher = await fixture.open()
      await publisher.publish(fixture.topic, interleaved(keys, rounds))
      const reader = await openBroker(`nats://${proxy.address}`, { logger: silentLogger })
      onTestFinished(() => reader.close())
      const got = collector()
      await reader.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
      for (let cuts = 1; cuts <= 5; cuts += 1) {
        await fixture.until(() => expect(got.seen.size).toBeGreaterThan(cuts * 500))
        proxy.cut()
      }
      const wanted = interleaved(keys, rounds).map(idOf)
      await fixture.until(() => expect(got.seen.size).toBe(wanted.length))
      expect(keysOutOfOrder(got.ids)).toEqual([])
    })

    test('a member that is killed, and one that is stopped and continues: nothing is lost', async () => {
      const broker = await fixture.open()
      let round = 0
      let loading = true
      const load = (async () => {
        while (loading) {
          await broker.publish(fixture.topic, interleaved(keys, 1, round))
          round += 1
          await wait(50)
        }
      })()
      const start = () => startMember(fixture.url, fixture.topic, 'all')
      const working = (member: ReturnType<typeof start>) => {
        const before = member.accepted.length
        return fixture.until(() => expect(member.accepted.length).toBeGreaterThan(before + 100))
      }
      const [first, second, third] = [start(), start(), start()]
      await Promise.all([working(first), working(second), working(third)])
      await first.end('SIGKILL')
      await Promise.all([working(second), working(third)])
      process.kill(second.pid, 'SIGSTOP')
      const events = round * keys
      // The other one gets all partitions: what was published meanwhile is handled.
      const accepted = () => [first, second, third].flatMap((member) => member.accepted)
      const seen = () => new Set(accepted().map(({ id }) => id))
      await fixture.until(() => {
        const ids = seen()
        expect(interleaved(keys, events / keys).filter((each) => !ids.has(idOf(each)))).toEqual([])
      })
      process.kill(second.pid, 'SIGCONT')
      await Promise.all([working(second), working(third)])
      loading = false
      await load
      const wanted = interleaved(keys, round).map(idOf)
      await fixture.until(() => expect(seen().size).toBe(wanted.length))
      const firsts = firstAcceptances(accepted())
      expect(keysOutOfOrder(firsts.map(({ id }) => id))).toEqual([])
      console.log(
        `nats ${version}, a member killed, another stopped: 0 of ${wanted.length} lost, 0 out of order, ${accepted().length - wanted.length} handled twice; a key stood still for ${longestPauseMs(firsts)} ms at most (session: 2,000 ms)`,
      )
    }, 120_000)
  })

  describeOnNats(version, `NATS ${version} with a full disk`, () => {
    const nats = useNats(version, () => ({ jetstream: { max_file_store: '8MB' } }))

    test('publishers get an error, members go on, and nothing acknowledged is lost', async () => {
      const broker = await openBroker(nats.url, { logger: silentLogger })
      onTestFinished(() => broker.close())
      const bytes = (id: string) => ({
        key: 'k',
        value: Buffer.alloc(100_000, 1),
        headers: { id: Buffer.from(id) },
      })
      await broker.publish(
        'ballast',
        Array.from({ length: 20 }, () => bytes('ballast')),
      )
      const read = async (group: string) => {
        const got: string[] = []
        await broker.subscribe({ topic: 'full', group }, async ({ headers }) => {
          got.push(Buffer.from(headers['id'] ?? []).toString())
        })
        return got
      }
      const before = await read('before')
      const acknowledged: string[] = []
      let refusal: BrokerError | undefined
      let tookMs = 0
      for (let number = 0; refusal === undefined && number < 200; number += 1) {
        const startedAt = performance.now()
        await broker.publish('full', [bytes(`${number}`)]).then(
          () => acknowledged.push(`${number}`),
          (error: BrokerError) => {
            refusal = error
            tookMs = performance.now() - startedAt
          },
        )
      }
      expect(refusal).toMatchObject({ code: 'BROKER_FAILED', retryable: true })
      expect(refusal?.message).toMatch(/no space left.*max_file_store/)
      await expect.poll(() => before, { timeout: 20_000 }).toEqual(acknowledged)

      // A new member needs room for its leases.
      const after = await read('after')
      const client = await connect({ servers: nats.server.address })
      onTestFinished(() => client.close())
      await (await jetstreamManager(client)).streams.delete('herald-ballast')
      await expect.poll(() => after, { timeout: 20_000 }).toEqual(acknowledged)
      await broker.publish('full', [bytes('room')])
      await expect.poll(() => after, { timeout: 20_000 }).toEqual([...acknowledged, 'room'])
      console.log(
        `nats ${version}, full: ${acknowledged.length} acknowledged, 0 lost; the error after ${Math.round(tookMs)} ms: ${refusal?.message}`,
      )
    })
  })
}

/** The longest time between two events of a key that were handled for the first time. */
function longestPauseMs(firsts: readonly Accepted[]): number {
  const lastAt = new Map<string | null, number>()
  let longest = 0
  for (const { key, at } of firsts) {
    longest = Math.max(longest, at - (lastAt.get(key) ?? at))
    lastAt.set(key, at)
  }
  return Math.round(longest / 1e6)
}
