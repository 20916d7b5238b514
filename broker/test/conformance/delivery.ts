import { setTimeout as wait } from 'node:timers/promises'
import { RetryLater } from '@herald/broker'
import { expect, test } from 'vitest'
import {
  collector,
  event,
  type Fixture,
  holdToDeclared,
  idOf,
  interleaved,
  keysOutOfOrder,
  publishPersistently,
} from './fixture.js'

/** One consumer: which events it gets, how often, and when. */
export function deliveryCases(fixture: Fixture): void {
  test('each group gets every event', async () => {
    const broker = await fixture.open()
    const groups = ['one', 'two', 'three'].map((group) => ({ group, got: collector() }))
    for (const { group, got } of groups) {
      await broker.subscribe({ topic: fixture.topic, group }, got.handler)
    }
    await broker.publish(fixture.topic, interleaved(10, 10))
    const wanted = interleaved(10, 10).map(idOf).sort()
    await holdToDeclared('groups', broker.features.groups, async () => {
      for (const { got } of groups) {
        await fixture.until(() => expect(got.ids.toSorted()).toEqual(wanted))
      }
    })
  })

  test('a new group begins with the oldest event kept', async () => {
    const broker = await fixture.open()
    await broker.publish(fixture.topic, interleaved(10, 5))
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'new' }, got.handler)
    await broker.publish(fixture.topic, interleaved(10, 5, 5))
    const wanted = interleaved(10, 10).map(idOf).sort()
    await holdToDeclared('replay', broker.features.replay, () =>
      fixture.until(() => expect(got.ids.toSorted()).toEqual(wanted)),
    )
  })

  test('a standalone subscription gets every event kept, and those that follow', async () => {
    const broker = await fixture.open()
    await broker.publish(fixture.topic, interleaved(10, 5))
    const got = collector()
    const subscription = await broker.subscribe(
      { topic: fixture.topic, group: 'reader', standalone: true },
      got.handler,
    )
    await fixture.until(async () => {
      expect(subscription.active).toBe(true)
      expect(await subscription.lag()).toBe(0)
    })
    expect(got.ids.toSorted()).toEqual(interleaved(10, 5).map(idOf).sort())
    await broker.publish(fixture.topic, interleaved(10, 5, 5))
    await fixture.until(() => expect(got.ids).toHaveLength(100))
    expect(keysOutOfOrder(got.ids)).toEqual([])
  })

  test('a rejected event is delivered again while other keys continue', async () => {
    const broker = await fixture.open({ partitions: 1 })
    const flowing = Array.from({ length: 10 }, (_, number) => event('good', number))
    await broker.publish(fixture.topic, [event('bad', 0), event('bad', 1), ...flowing])
    const attempts: number[] = []
    const positions = new Set<string>()
    const got = collector(async (delivery) => {
      if (idOf(delivery) !== 'bad/0') return
      attempts.push(delivery.attempt)
      positions.add(delivery.position)
      if (!got.ids.includes('good/9')) throw new Error('not before the good events')
    })
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await fixture.until(() => expect(got.ids).toHaveLength(12))
    expect(got.ids.slice(-2)).toEqual(['bad/0', 'bad/1'])
    expect(attempts.length).toBeGreaterThan(1)
    expect(attempts).toEqual(attempts.map((_, index) => index + 1))
    expect(positions.size).toBe(1)
  })

  test('RetryLater sets the delay of a redelivery', async () => {
    const broker = await fixture.open()
    await broker.publish(fixture.topic, [event('later', 0)])
    const times: number[] = []
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, async ({ attempt }) => {
      times.push(performance.now())
      if (attempt <= 2) throw new RetryLater(attempt * 200)
    })
    await fixture.until(() => expect(times).toHaveLength(3))
    const [first = 0, second = 0, third = 0] = times
    expect(second - first).toBeGreaterThanOrEqual(195)
    expect(third - second).toBeGreaterThanOrEqual(395)
  })

  test('a restarted consumer continues at the committed offset', async () => {
    const first = await fixture.open()
    const before = collector()
    await first.publish(fixture.topic, interleaved(20, 5))
    await first.subscribe({ topic: fixture.topic, group: 'all' }, before.handler)
    await fixture.until(() => expect(before.ids).toHaveLength(100))
    await first.close()

    const second = await fixture.open()
    const after = collector()
    await second.publish(fixture.topic, interleaved(20, 1, 5))
    await second.subscribe({ topic: fixture.topic, group: 'all' }, after.handler)
    await fixture.until(() => expect(after.ids).toHaveLength(20))
    expect(after.ids.toSorted()).toEqual(interleaved(20, 1, 5).map(idOf).sort())
  })

  test('closing while busy drains, and nothing acknowledged is delivered again', async () => {
    const first = await fixture.open({ partitions: 1 })
    await first.publish(fixture.topic, interleaved(20, 1))
    let finish = () => {}
    const finishing = new Promise<void>((resolve) => {
      finish = resolve
    })
    let started = 0
    const before = collector(async () => {
      started += 1
      await finishing
    })
    const options = { topic: fixture.topic, group: 'all', maxInFlight: 4 }
    const subscription = await first.subscribe(options, before.handler)
    await fixture.until(() => expect(started).toBe(4))
    let closed = false
    const closing = subscription.close().then(() => {
      closed = true
    })
    await wait(50)
    expect(closed).toBe(false)
    finish()
    await closing
    expect(before.ids).toHaveLength(4)

    const second = await fixture.open()
    const after = collector()
    await second.subscribe(options, after.handler)
    await fixture.until(() => expect(after.ids).toHaveLength(16))
    expect([...before.ids, ...after.ids].sort()).toEqual(interleaved(20, 1).map(idOf).sort())
  })

  test('subscriptions that join and close at the same time lose nothing', async () => {
    const broker = await fixture.open()
    await broker.publish(fixture.topic, interleaved(20, 1))
    const got = collector()
    const options = { topic: fixture.topic, group: 'all' }
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        const subscription = await broker.subscribe(options, got.handler)
        await subscription.close()
      }),
    )
    const last = await broker.subscribe(options, got.handler)
    await fixture.until(async () => expect(await last.lag()).toBe(0))
    await fixture.until(() =>
      expect([...got.seen].sort()).toEqual(interleaved(20, 1).map(idOf).sort()),
    )
  })

  test('a handler that outlasts the drain is aborted, and its event is delivered again', async () => {
    const first = await fixture.open()
    await first.publish(fixture.topic, [event('slow', 0)])
    let started = false
    let aborted = false
    const subscription = await first.subscribe(
      { topic: fixture.topic, group: 'all' },
      (_delivery, { signal }) =>
        new Promise((resolve) => {
          started = true
          signal.addEventListener('abort', () => {
            aborted = true
            // Too late: this acknowledgement must be ignored.
            resolve()
          })
        }),
    )
    await fixture.until(() => expect(started).toBe(true))
    await fixture.until(async () => expect(await subscription.lag()).toBe(1))
    await subscription.close({ drainMs: 50 })
    expect(aborted).toBe(true)
    const again = collector()
    await first.subscribe({ topic: fixture.topic, group: 'all' }, again.handler)
    await fixture.until(() => expect(again.ids).toEqual(['slow/0']))
  })

  test('work in flight is limited, and the limit is reached', async () => {
    const broker = await fixture.open()
    await broker.publish(fixture.topic, interleaved(50, 6))
    let now = 0
    let most = 0
    const got = collector(async () => {
      now += 1
      most = Math.max(most, now)
      await wait(Math.random() * 5)
      now -= 1
    })
    await broker.subscribe({ topic: fixture.topic, group: 'all', maxInFlight: 7 }, got.handler)
    await fixture.until(() => expect(got.ids).toHaveLength(300))
    expect(most).toBe(7)
  })

  test('a paused subscription starts nothing until it is resumed', async () => {
    const broker = await fixture.open()
    const paused = collector()
    const witness = collector()
    const subscription = await broker.subscribe(
      { topic: fixture.topic, group: 'paused' },
      paused.handler,
    )
    await broker.subscribe({ topic: fixture.topic, group: 'witness' }, witness.handler)
    await broker.publish(fixture.topic, interleaved(10, 1))
    await fixture.until(() => expect(paused.ids).toHaveLength(10))
    subscription.pause()
    subscription.pause()
    await broker.publish(fixture.topic, interleaved(10, 1, 1))
    await fixture.until(() => expect(witness.ids).toHaveLength(20))
    await wait(50)
    expect(paused.ids).toHaveLength(10)
    await fixture.until(async () => expect(await subscription.lag()).toBe(10))
    subscription.resume()
    await fixture.until(() => expect(paused.ids).toHaveLength(20))
    await fixture.until(async () => expect(await subscription.lag()).toBe(0))
    expect(keysOutOfOrder(paused.ids)).toEqual([])
  })

  test('the lag counts an event once it is published, or as late as declared', async () => {
    const broker = await fixture.open()
    const { lagDelayMs } = broker.features
    const got = collector()
    const subscription = await broker.subscribe(
      // What is buffered is counted without asking the broker.
      { topic: fixture.topic, group: 'all', maxInFlight: 1, maxBuffered: 2 },
      got.handler,
    )
    await fixture.until(() => expect(subscription.active).toBe(true))
    subscription.pause()
    let rounds = 0
    const publishRound = async () => {
      await broker.publish(fixture.topic, interleaved(10, 1, rounds))
      rounds += 1
    }
    await holdToDeclared('lagDelayMs of 0', lagDelayMs === 0, async () => {
      while (rounds < 5) {
        await publishRound()
        expect(await subscription.lag()).toBe(10 * rounds)
      }
    })
    await publishRound()
    await wait(lagDelayMs)
    expect(await subscription.lag()).toBe(10 * rounds)
  })
}

/** For a broker with a server that the test can restart. */
export function restartCase(fixture: Fixture): void {
  test('publishing and delivery continue after the server restarts', async () => {
    const { restart } = fixture
    if (restart === undefined) throw new Error('the test broker cannot restart its server')
    const broker = await fixture.open()
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await broker.publish(fixture.topic, interleaved(20, 1))
    await fixture.until(() => expect(got.ids).toHaveLength(20))
    const restarting = restart()
    for (let round = 1; round < 10; round += 1) {
      await publishPersistently(broker, fixture.topic, interleaved(20, 1, round))
    }
    await restarting
    const wanted = interleaved(20, 10).map(idOf).sort()
    await fixture.until(() => expect([...got.seen].sort()).toEqual(wanted))
    await holdToDeclared('orderPerKey', broker.features.orderPerKey, async () =>
      expect(keysOutOfOrder(got.ids)).toEqual([]),
    )
  })
}
