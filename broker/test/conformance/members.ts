import { setTimeout as wait } from 'node:timers/promises'
import type { Broker, Subscription } from '@herald/broker'
import { expect, test } from 'vitest'
import { spawnProgram } from './child-process.js'
import {
  collector,
  type Fixture,
  holdToDeclared,
  idOf,
  interleaved,
  keysOutOfOrder,
} from './fixture.js'
import { firstAcceptances, startMember } from './member-process.js'

const keys = 50

/** Several members of a group, some in processes that are killed. */
export function memberCases(fixture: Fixture): void {
  test('order per key and every event survive a killed member', async () => {
    const broker = await fixture.open()
    const isShared = broker.features.consumersPerGroup === 'shared'
    await broker.publish(fixture.topic, interleaved(keys, 20))
    const members = [1, 2].map(() => startMember(fixture.url, fixture.topic, 'all'))
    await fixture.until(() => expect(members.every(({ ready }) => ready)).toBe(true))
    let round = 20
    const publishRound = async () => {
      await broker.publish(fixture.topic, interleaved(keys, 1, round))
      round += 1
    }
    const busy = () => members.filter(({ accepted }) => accepted.length > 200)
    await fixture.until(async () => {
      await publishRound()
      // Joining takes time: do not publish more than is handled meanwhile.
      await wait(20)
      expect(busy()).toHaveLength(isShared ? 2 : 1)
    })
    const [victim] = busy() as [(typeof members)[0]]
    const other = members.find((member) => member !== victim)
    if (!isShared) expect(other?.begun).toEqual([])
    await publishRound()
    await victim.end('SIGKILL')
    for (let more = 0; more < 10; more += 1) await publishRound()

    const accepted = () => members.flatMap((member) => member.accepted)
    const acceptedIds = () => firstAcceptances(accepted()).map(({ id }) => id)
    const wanted = interleaved(keys, round).map(idOf).sort()
    await fixture.until(() => expect(acceptedIds().sort()).toEqual(wanted))
    await holdToDeclared('orderPerKey', broker.features.orderPerKey, async () =>
      expect(keysOutOfOrder(acceptedIds())).toEqual([]),
    )
    console.log(
      `${broker.features.name}: ${wanted.length} events, ${victim.accepted.length} by the killed member, ${accepted().length - wanted.length} handled twice`,
    )
  })

  test('members join and leave under load without loss', async () => {
    const publisher = await fixture.open()
    const got = collector(() => wait(Math.random() * 3))
    const isShared = publisher.features.consumersPerGroup === 'shared'
    const handled = new Map<Broker, number>()
    const join = async () => {
      const broker = await fixture.open()
      const subscription = await broker.subscribe(
        { topic: fixture.topic, group: 'all' },
        async (delivery, context) => {
          await got.handler(delivery, context)
          handled.set(broker, (handled.get(broker) ?? 0) + 1)
        },
      )
      return { broker, subscription }
    }
    let round = 0
    let loading = true
    const load = (async () => {
      while (loading) {
        await publisher.publish(fixture.topic, interleaved(keys, 1, round))
        round += 1
        await wait(10)
      }
    })()
    const holding = (...members: { subscription: Subscription }[]) =>
      fixture.until(() => {
        const active = members.filter(({ subscription }) => subscription.active)
        expect(active).toHaveLength(isShared ? members.length : 1)
        const held = members.map(({ subscription }) => subscription.partitions)
        if (!publisher.features.partitions) {
          expect(held).toEqual(members.map(() => undefined))
          return
        }
        expect(held.flat().sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
        const sizes = active.map(({ subscription }) => subscription.partitions?.length ?? 0)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      })
    const working = async (...members: { broker: Broker; subscription: Subscription }[]) => {
      await holding(...members)
      const active = members.filter(({ subscription }) => subscription.active)
      const before = active.map(({ broker }) => handled.get(broker) ?? 0)
      await fixture.until(() => {
        for (const [index, { broker }] of active.entries()) {
          expect(handled.get(broker) ?? 0).toBeGreaterThan((before[index] ?? 0) + 20)
        }
      })
    }
    const first = await join()
    await working(first)
    const second = await join()
    const third = await join()
    await working(first, second, third)
    if (!isShared) expect([...handled.keys()]).toEqual([first.broker])
    await first.subscription.close()
    await working(second, third)
    await second.broker.close()
    await working(third)
    loading = false
    await load
    const wanted = interleaved(keys, round).map(idOf).sort()
    await fixture.until(() => expect(got.seen.size).toBe(wanted.length))
    expect([...got.seen].sort()).toEqual(wanted)
    expect(keysOutOfOrder(got.ids)).toEqual([])
    console.log(
      `${publisher.features.name}: ${wanted.length} events, ${got.ids.length - wanted.length} handled twice`,
    )
  })

  test('what publish acknowledged survives kill -9 of the publisher and of the server', async () => {
    const broker = await fixture.open()
    const publisher = spawnProgram('publisher', [fixture.url, fixture.topic])
    await fixture.until(() => expect(publisher.lines.length).toBeGreaterThan(300))
    await publisher.end('SIGKILL')
    await fixture.restart?.()
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await holdToDeclared('survivesKill', broker.features.survivesKill, () =>
      fixture.until(() => expect(publisher.lines.filter((id) => !got.seen.has(id))).toEqual([])),
    )
  })
}
