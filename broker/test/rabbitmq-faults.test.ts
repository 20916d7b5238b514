import { setTimeout as wait } from 'node:timers/promises'
import type { BrokerError } from '@herald/broker'
import { describeOnRabbitmq, useRabbitmq } from '@herald/rabbitmq/use-rabbitmq'
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

const keys = 100

describeOnRabbitmq('RabbitMQ: failures', () => {
  const rabbitmq = useRabbitmq()
  const createBroker = async () => ({ url: rabbitmq.url, dispose: async () => {} })
  const restart = async () => {
    await rabbitmq.server.kill()
    await rabbitmq.server.start()
  }
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
    await rabbitmq.server.untilRegistered()
    let restarting: Promise<void> | undefined
    let refused = 0
    for (let round = 0; round < rounds; round += 1) {
      // Not awaited: messages are under way when the server is killed.
      if (round === 20) restarting = restart()
      const messages = Array.from({ length: keys }, (_, key) => event(`k${key}`, round))
      refused += await publishPersistently(broker, fixture.topic, messages)
    }
    await restarting
    const wanted = interleaved(keys, rounds).map(idOf)
    await fixture.until(() => expect(got.seen.size).toBe(wanted.length))
    expect(got.seen).toEqual(new Set(wanted))
    expect(keysOutOfOrder(got.ids)).toEqual([])
    console.log(
      `rabbitmq, server killed: 0 of ${wanted.length} lost, 0 out of order, ${got.ids.length - wanted.length} twice; publish refused ${refused} times; a key stood still for ${Math.round(stillMs)} ms at most`,
    )
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
      `rabbitmq, a member killed, another stopped: 0 of ${wanted.length} lost, 0 out of order, ${accepted().length - wanted.length} handled twice; a key stood still for ${longestPauseMs(firsts)} ms at most (session: 2,000 ms)`,
    )
  }, 120_000)

  test('short of disk: publishers get an error, members go on, nothing acknowledged is lost', async () => {
    const broker = await fixture.open()
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await broker.publish(fixture.topic, interleaved(keys, 1))
    await rabbitmq.server.ctl('set_disk_free_limit', '900000GB')
    onTestFinished(async () => void (await rabbitmq.server.ctl('set_disk_free_limit', '50MB')))
    const startedAt = performance.now()
    const refusal = await broker
      .publish(fixture.topic, interleaved(keys, 1, 1))
      .catch((error: BrokerError) => error)
    expect(refusal).toMatchObject({ code: 'BROKER_FAILED', retryable: true })
    expect((refusal as BrokerError).message).toMatch(/low on disk.*disk_free_limit/)
    console.log(
      `rabbitmq, disk alarm: refused after ${Math.round(performance.now() - startedAt)} ms`,
    )
    await fixture.until(() => expect(got.seen.size).toBe(keys))
    await rabbitmq.server.ctl('set_disk_free_limit', '50MB')
    await publishPersistently(broker, fixture.topic, interleaved(keys, 1, 1))
    await fixture.until(() => expect(got.seen.size).toBe(2 * keys))
    expect(keysOutOfOrder(got.ids)).toEqual([])
  }, 60_000)
})

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
