import { type BrokerError, openBroker } from '@herald/broker'
import { natsVersions } from '@herald/nats'
import { describeOnNats, useNats } from '@herald/nats/use-nats'
import { silentLogger } from '@herald/runtime/logger'
import { AckPolicy, jetstreamManager } from '@nats-io/jetstream'
import { connect, nanos } from '@nats-io/transport-node'
import { expect, onTestFinished, test } from 'vitest'
import { tokenOf } from '#src/drivers/nats/topics'
import { failureSuite } from './conformance/failures.js'
import { collector, idOf, interleaved, keysOutOfOrder, useFixture } from './conformance/fixture.js'
import { startProxy } from './tcp-proxy.js'

const keys = 100

for (const version of natsVersions) {
  describeOnNats(version, `NATS ${version}: failures`, () => {
    const nats = useNats(version)
    const createBroker = async () => ({
      url: `${nats.url}?sessionTimeoutMs=2000`,
      dispose: async () => {},
    })
    const fixture = useFixture(createBroker)

    failureSuite(`nats ${version}`, fixture, { restart: () => nats.server.restart() })

    // The server counts for a consumer after it has answered the publisher; the more consumers, the later.
    test('the lag is exact on a topic with many consumers', async () => {
      const broker = await fixture.open()
      const subscription = await broker.subscribe(
        { topic: fixture.topic, group: 'all', maxInFlight: 1, maxBuffered: 2 },
        collector().handler,
      )
      await fixture.until(() => expect(subscription.active).toBe(true))
      subscription.pause()
      await createConsumers(nats.url, fixture.topic, 900)
      for (let round = 1; round <= 200; round += 1) {
        await broker.publish(fixture.topic, interleaved(10, 1, round))
        expect(await subscription.lag()).toBe(10 * round)
      }
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

    test('the last events of a topic, lost on their way when the connection was cut, are delivered again', async () => {
      const proxy = await startProxy(nats.server.port)
      const publisher = await fixture.open()
      const reader = await openBroker(`nats://${proxy.address}`, { logger: silentLogger })
      onTestFinished(() => reader.close())
      const got = collector()
      await reader.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
      await publisher.publish(fixture.topic, interleaved(keys, 1))
      await fixture.until(() => expect(got.seen.size).toBe(keys))
      proxy.keepBack()
      await publisher.publish(fixture.topic, interleaved(keys, 1, 1))
      await untilSent(nats.url, 2 * keys)
      expect(got.seen.size).toBe(keys)
      proxy.cut()
      await fixture.until(() => expect(got.seen.size).toBe(2 * keys))
      expect(keysOutOfOrder(got.ids)).toEqual([])
    })
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

/** Until the server has sent so many messages to the consumers of all streams. */
async function untilSent(url: string, count: number): Promise<void> {
  const connection = await connect({ servers: url })
  try {
    const manager = await jetstreamManager(connection)
    await expect
      .poll(async () => {
        let sent = 0
        for await (const { config } of manager.streams.list())
          for await (const { delivered } of manager.consumers.list(config.name))
            sent += delivered.consumer_seq
        return sent
      })
      .toBeGreaterThanOrEqual(count)
  } finally {
    await connection.close()
  }
}

/** Consumers of a topic, as many members have them. */
async function createConsumers(url: string, topic: string, count: number): Promise<void> {
  const nats = await connect({ servers: url })
  try {
    const manager = await jetstreamManager(nats)
    const create = () =>
      manager.consumers.add(`herald-${tokenOf(topic)}`, {
        ack_policy: AckPolicy.None,
        mem_storage: true,
        inactive_threshold: nanos(60_000),
      })
    await Promise.all(Array.from({ length: count }, create))
  } finally {
    await nats.close()
  }
}
