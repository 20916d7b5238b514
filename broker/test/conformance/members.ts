import { setTimeout as wait } from 'node:timers/promises'
import type { Broker, Subscription } from '@herald/broker'
import { expect, test } from 'vitest'
import { type Bench, collector, idOf, interleaved, keysOutOfOrder } from './bench.js'
import { spawnProgram } from './child-lines.js'
import { firstAcceptances, startMember } from './member-process.js'

const keys = 50

/** Several members, several processes, some of them killed. */
export function memberCases(bench: Bench): void {
  test('order per key and every event survive a killed member', async ({ skip }) => {
    const broker = await bench.open()
    if (!broker.features.orderPerKey) skip('promises no order per key')
    await broker.publish(bench.topic, interleaved(keys, 20))
    const members = [1, 2].map(() => startMember(bench.url, bench.topic, 'all'))
    const [victim, survivor] = members as [(typeof members)[0], (typeof members)[0]]
    await bench.until(() => expect(members.every(({ ready }) => ready)).toBe(true))
    let round = 20
    const publishRound = async () => {
      await broker.publish(bench.topic, interleaved(keys, 1, round))
      round += 1
    }
    const killAt = 200
    await bench.until(async () => {
      await publishRound()
      // Where joining takes its time, not to pile up more than is handled.
      await wait(20)
      expect(victim.accepted.length).toBeGreaterThan(killAt)
      expect(survivor.accepted.length).toBeGreaterThan(killAt)
    })
    await publishRound()
    await victim.end('SIGKILL')
    for (let more = 0; more < 10; more += 1) await publishRound()

    const accepted = () => members.flatMap((member) => member.accepted)
    const wanted = interleaved(keys, round).map(idOf).sort()
    await bench.until(() =>
      expect(
        firstAcceptances(accepted())
          .map(({ id }) => id)
          .sort(),
      ).toEqual(wanted),
    )
    expect(keysOutOfOrder(firstAcceptances(accepted()).map(({ id }) => id))).toEqual([])
    console.log(
      `${broker.features.name}: ${wanted.length} events, ${victim.accepted.length} by the killed member, ${accepted().length - wanted.length} handled twice`,
    )
  })

  test('members join and leave under load without loss', async () => {
    const publisher = await bench.open()
    const got = collector(() => wait(Math.random() * 3))
    const shares = new Map<Broker, number>()
    const join = async () => {
      const broker = await bench.open()
      const subscription = await broker.subscribe(
        { topic: bench.topic, group: 'all' },
        async (delivery, context) => {
          await got.handler(delivery, context)
          shares.set(broker, (shares.get(broker) ?? 0) + 1)
        },
      )
      return { broker, subscription }
    }
    let round = 0
    let loading = true
    const load = (async () => {
      while (loading) {
        await publisher.publish(bench.topic, interleaved(keys, 1, round))
        round += 1
        await wait(10)
      }
    })()
    const holding = (...members: { subscription: Subscription }[]) =>
      bench.until(() => {
        const held = members.map(({ subscription }) => subscription.partitions)
        expect(held.flat().sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
        const sizes = held.map(({ length }) => length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      })
    const working = (broker: Broker) => {
      const before = shares.get(broker) ?? 0
      return bench.until(() => expect(shares.get(broker) ?? 0).toBeGreaterThan(before + 20))
    }
    const first = await join()
    await holding(first)
    await working(first.broker)
    const second = await join()
    const third = await join()
    await holding(first, second, third)
    await working(second.broker)
    await working(third.broker)
    await first.subscription.close()
    await holding(second, third)
    await second.broker.close()
    await holding(third)
    await working(third.broker)
    loading = false
    await load
    const wanted = interleaved(keys, round).map(idOf).sort()
    await bench.until(() => expect(got.seen.size).toBe(wanted.length))
    expect([...got.seen].sort()).toEqual(wanted)
    expect(keysOutOfOrder(got.ids)).toEqual([])
    console.log(
      `${publisher.features.name}: ${wanted.length} events, ${got.ids.length - wanted.length} handled twice`,
    )
  })

  test('what publish acknowledged survives a killed publisher', async ({ skip }) => {
    const broker = await bench.open()
    if (!broker.features.durable) skip('promises no durability')
    const publisher = spawnProgram('publisher', [bench.url, bench.topic])
    await bench.until(() => expect(publisher.lines.length).toBeGreaterThan(300))
    await publisher.end('SIGKILL')
    const got = collector()
    await broker.subscribe({ topic: bench.topic, group: 'all' }, got.handler)
    await bench.until(() => {
      expect(publisher.lines.filter((id) => !got.seen.has(id))).toEqual([])
    })
  })
}
