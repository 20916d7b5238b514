import { once } from 'node:events'
import { type BrokerError, openBroker } from '@herald/broker'
import { rabbitmqVersions } from '@herald/rabbitmq'
import { describeOnRabbitmq, newestRabbitmq, useRabbitmq } from '@herald/rabbitmq/use-rabbitmq'
import { silentLogger } from '@herald/runtime'
import { expect, onTestFinished, test } from 'vitest'
import { failureSuite } from './conformance/failures.js'
import {
  collector,
  interleaved,
  keysOutOfOrder,
  publishPersistently,
  useFixture,
} from './conformance/fixture.js'
import { startProxy } from './tcp-proxy.js'

const keys = 100

/** Erlang that suspends the process of each stream. */
const suspendStreamsFor1s = `
  [begin
     #{leader_pid := Pid} = amqqueue:get_type_state(Queue),
     spawn(fun() -> erlang:suspend_process(Pid), timer:sleep(1000) end)
   end || Queue <- rabbit_amqqueue:list(), amqqueue:get_type(Queue) =:= rabbit_stream_queue].`

/** Erlang that kills the process that writes each stream. RabbitMQ starts another one. */
const killWriters = `
  [exit(amqqueue:get_pid(Queue), kill)
   || Queue <- rabbit_amqqueue:list(), amqqueue:get_type(Queue) =:= rabbit_stream_queue].`

for (const version of rabbitmqVersions) {
  describeOnRabbitmq(version, `RabbitMQ ${version}: failures`, () => {
    const rabbitmq = useRabbitmq(version)
    const createBroker = async () => ({ url: rabbitmq.url, dispose: async () => {} })

    const fixture = useFixture(createBroker)
    failureSuite(`rabbitmq ${version}`, fixture, {
      beforeKill: () => rabbitmq.server.untilRegistered(),
      async restart() {
        await rabbitmq.server.kill()
        await rabbitmq.server.start()
      },
    })

    // RabbitMQ 3 confirms events without writing them if their channel publishes to several streams.
    test('the writers of the streams are killed while events are published: none lost, none out of order', async () => {
      const broker = await fixture.open()
      const got = collector()
      await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
      let killing = true
      const killed = (async () => {
        for (let kills = 0; kills < 5; kills += 1) await rabbitmq.server.ctl('eval', killWriters)
        killing = false
      })()
      let rounds = 0
      while (killing) {
        await publishPersistently(broker, fixture.topic, interleaved(keys, 50, rounds))
        rounds += 50
      }
      await killed
      await fixture.until(() => expect(got.seen.size).toBe(rounds * keys))
      expect(keysOutOfOrder(got.ids)).toEqual([])
    }, 120_000)
  })
}

describeOnRabbitmq(newestRabbitmq, 'RabbitMQ: a slow connection, a full disk', () => {
  const rabbitmq = useRabbitmq(newestRabbitmq)
  const createBroker = async () => ({ url: rabbitmq.url, dispose: async () => {} })
  const fixture = useFixture(createBroker)

  // Where a group is is a message that comes back with each takeover: RabbitMQ 4 drops one after 20 returns by default.
  test('a group keeps its offsets over 25 takeovers', async () => {
    const publisher = await fixture.open({ partitions: 1 })
    await publisher.publish(fixture.topic, interleaved(10, 1))
    const got = collector()
    for (let takeovers = 0; takeovers <= 25; takeovers += 1) {
      const broker = await fixture.open()
      const subscription = await broker.subscribe(
        { topic: fixture.topic, group: 'all' },
        got.handler,
      )
      await fixture.until(() => expect(subscription.active).toBe(true))
      await fixture.until(() => expect(got.seen.size).toBe(10))
      await broker.close()
    }
    expect(got.ids).toHaveLength(10)
  })

  // A stream counted as empty if its last event took longer than half a second.
  test('the lag is exact over a connection on which each answer takes 600 ms', async () => {
    const proxy = await startProxy(rabbitmq.server.port)
    const broker = await openBroker(`amqp://${proxy.address}`, {
      logger: silentLogger,
      partitions: 2,
    })
    onTestFinished(() => broker.close())
    const subscription = await broker.subscribe(
      { topic: fixture.topic, group: 'all', maxInFlight: 1, maxBuffered: 2 },
      collector().handler,
    )
    await fixture.until(() => expect(subscription.active).toBe(true))
    subscription.pause()
    await broker.publish(fixture.topic, interleaved(10, 1))
    proxy.delayBy(600)
    expect(await subscription.lag()).toBe(10)
    proxy.delayBy(0)
  }, 60_000)

  // They went on until the drain was over, while another member handled the same keys.
  test('handlers are aborted if the connection is lost while the member closes', async () => {
    const proxy = await startProxy(rabbitmq.server.port)
    const broker = await openBroker(`amqp://${proxy.address}`, { logger: silentLogger })
    onTestFinished(() => broker.close())
    let aborted: Promise<unknown> | undefined
    const subscription = await broker.subscribe(
      { topic: fixture.topic, group: 'all' },
      async (_delivery, { signal }) => {
        aborted = once(signal, 'abort')
        await aborted
      },
    )
    await broker.publish(fixture.topic, interleaved(1, 1))
    await fixture.until(() => expect(aborted).toBeDefined())
    const closing = subscription.close({ drainMs: 600_000 })
    proxy.cut()
    await aborted
    await closing
  })

  // RabbitMQ 4 answers a consumer before the stream's process has: each stream counted as empty.
  test('the lag is exact while the processes of the streams hang', async () => {
    const broker = await fixture.open()
    const subscription = await broker.subscribe(
      { topic: fixture.topic, group: 'all', maxInFlight: 1, maxBuffered: 2 },
      collector().handler,
    )
    await fixture.until(() => expect(subscription.active).toBe(true))
    subscription.pause()
    await broker.publish(fixture.topic, interleaved(10, 1))
    await rabbitmq.server.ctl('eval', suspendStreamsFor1s)
    expect(await subscription.lag()).toBe(10)
  })

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
