import { setTimeout as wait } from 'node:timers/promises'
import { openBroker } from '@herald/broker'
import { openBrokerStore } from '@herald/broker/drivers/embedded/broker-store'
import { silentLogger as logger } from '@herald/runtime'
import { describe, expect, test } from 'vitest'
import {
  collector,
  event,
  idOf,
  interleaved,
  keysOutOfOrder,
  useBench,
} from './conformance/bench.js'
import { type MemberProcess, startMember } from './conformance/member-process.js'
import { makeEmbeddedPlace } from './embedded-place.js'

const timing = { rebalanceMs: 5_000, deliveryMs: 5_000 }
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

describe('embedded: between processes', () => {
  const bench = useBench(makeEmbeddedPlace, timing)

  test('an event is in the hands of another process within milliseconds', async () => {
    const broker = await bench.open()
    const member = startMember(bench.url, bench.topic, 'all', { longestMs: 0 })
    await bench.until(() => expect(member.ready).toBe(true))
    const sent: number[] = []
    for (let number = 0; number < 100; number += 1) {
      sent.push(Number(process.hrtime.bigint()))
      await broker.publish(bench.topic, [event('k', number)])
      await bench.until(() => expect(member.accepted).toHaveLength(number + 1))
    }
    const latenciesMs = member.accepted.map(({ at }, index) => (at - (sent[index] ?? NaN)) / 1e6)
    const worst = Math.max(...latenciesMs)
    console.log(
      `embedded: publish to handler in another process: median ${median(latenciesMs).toFixed(2)} ms, worst ${worst.toFixed(1)} ms`,
    )
    // Without the bell it would be half of what the poll takes.
    expect(median(latenciesMs)).toBeLessThan(100)
  })

  test('a killed member is missed within a second', async () => {
    const broker = await bench.open({ partitions: 1 })
    await broker.publish(bench.topic, [event('k', 0)])
    const victim = startMember(bench.url, bench.topic, 'all')
    await bench.until(() => expect(victim.accepted).toHaveLength(1))
    const got = collector()
    await broker.subscribe({ topic: bench.topic, group: 'all' }, got.handler)
    const killedAt = performance.now()
    await victim.end('SIGKILL')
    await broker.publish(bench.topic, [event('k', 1)])
    await bench.until(() => expect(got.ids).toContain('k/1'))
    const missedMs = performance.now() - killedAt
    console.log(`embedded: next event ${missedMs.toFixed(0)} ms after the kill`)
    expect(missedMs).toBeLessThan(1000)
  })

  test('a stopped member loses its partitions, and its late acknowledgement is not taken', async () => {
    // This broker never finishes handing over, so that what it holds stays its own to the end.
    const url = `${bench.url}?sessionTimeoutMs=1000&handoverMs=60000`
    const broker = await openBroker(url, { logger, partitions: 1 })
    const stopped = startMember(url, bench.topic, 'all', { shortestMs: 1500, longestMs: 1500 })
    await broker.publish(bench.topic, [event('k', 0), event('k', 1)])
    await bench.until(() => expect(stopped.begun).toEqual(['k/0']))
    process.kill(stopped.pid, 'SIGSTOP')

    const taken: string[] = []
    const subscription = await broker.subscribe(
      { topic: bench.topic, group: 'all' },
      ({ value }) => {
        taken.push(Buffer.from(value).toString())
        return new Promise(() => {})
      },
    )
    expect(subscription.partitions).toEqual([])
    await bench.until(() => expect(taken).toEqual(['k/0']))
    process.kill(stopped.pid, 'SIGCONT')
    await bench.until(() => expect(stopped.accepted).toHaveLength(1))
    await stopped.end('SIGTERM')
    expect(stopped.begun).toEqual(['k/0'])
    await subscription.close({ drainMs: 0 })

    const after = collector()
    await broker.subscribe({ topic: bench.topic, group: 'all' }, after.handler)
    await bench.until(() => expect(after.ids).toEqual(['k/0', 'k/1']))
    await broker.close()
  })

  test('a member blocked for longer than its session looks before it goes on', async () => {
    const url = `${bench.url}?sessionTimeoutMs=500`
    const broker = await openBroker(url, { logger, partitions: 1 })
    const { store, groups } = openBrokerStore(bench.url.slice('embedded:'.length))
    const name = { topic: bench.topic, group: 'all' }
    await broker.publish(bench.topic, [event('k', 0), event('k', 1)])
    const begun: string[] = []
    let begunAtOnce: string[] | undefined
    let other: MemberProcess | undefined
    await broker.subscribe(name, async (delivery) => {
      begun.push(idOf(delivery))
      if (begun.length > 1) return
      other = startMember(url, bench.topic, 'all')
      const blockedUntil = performance.now() + 10_000
      const [self] = groups.members(name)
      while (groups.members(name)[0]?.id === self?.id && performance.now() < blockedUntil) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
      }
      setImmediate(() => {
        begunAtOnce = [...begun]
      })
    })
    await bench.until(() => expect(begunAtOnce).toEqual(['k/0']), 15_000)
    await bench.until(() => expect(other?.begun).toContain('k/0'))
    await broker.close()
    await store.close()
  })
})

describe('embedded: when a member joins', () => {
  const bench = useBench(makeEmbeddedPlace, timing)

  async function twoMembers(query: string) {
    const broker = await openBroker(`${bench.url}${query}`, { logger, partitions: 2 })
    const published = await broker.publish(bench.topic, interleaved(10, 1))
    const inSecond = published.filter(({ partition }) => partition === 1).length
    let finish = () => {}
    const finishing = new Promise<void>((resolve) => {
      finish = resolve
    })
    const signals: AbortSignal[] = []
    const first = collector(async (_delivery, { signal }) => {
      signals.push(signal)
      await finishing
    })
    const second = collector()
    const options = { topic: bench.topic, group: 'all' }
    const leaving = await broker.subscribe(options, first.handler)
    await bench.until(() => expect(signals).toHaveLength(10))
    const joining = await broker.subscribe(options, second.handler)
    await bench.until(() => expect(leaving.partitions).toEqual([0]))
    return { broker, joining, first, second, finish, signals, inSecond }
  }

  test('a partition goes over once its handlers are done, and nothing is handled twice', async () => {
    const { broker, joining, first, second, finish } = await twoMembers('')
    await broker.publish(bench.topic, interleaved(10, 1, 1))
    await wait(100)
    expect(joining.partitions).toEqual([])
    expect(second.ids).toEqual([])
    finish()
    await bench.until(() => expect(joining.partitions).toEqual([1]))
    await bench.until(() => expect(first.ids.length + second.ids.length).toBe(20))
    expect(keysOutOfOrder([...first.ids, ...second.ids])).toEqual([])
    expect(new Set([...first.ids, ...second.ids]).size).toBe(20)
    await broker.close()
  })

  test('handlers that take too long for that are told, and their events go over', async () => {
    const { broker, joining, second, finish, signals, inSecond } =
      await twoMembers('?handoverMs=100')
    await bench.until(() => expect(joining.partitions).toEqual([1]))
    await bench.until(() => expect(second.ids).toHaveLength(inSecond))
    expect(signals.filter(({ aborted }) => aborted)).toHaveLength(inSecond)
    finish()
    await broker.close()
  })
})
