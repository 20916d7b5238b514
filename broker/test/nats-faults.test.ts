import { type BrokerError, openBroker } from '@herald/broker'
import { natsVersions } from '@herald/nats'
import { describeOnNats, useNats } from '@herald/nats/use-nats'
import { silentLogger } from '@herald/runtime/logger'
import { AckPolicy, jetstreamManager, type StreamAPI } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect, nanos } from '@nats-io/transport-node'
import { expect, onTestFinished, test } from 'vitest'
import { bucketOf, tokenOf } from '#src/drivers/nats/topics'
import { failureSuite } from './conformance/failures.js'
import { collector, idOf, interleaved, keysOutOfOrder, useFixture } from './conformance/fixture.js'
import { startMember } from './conformance/member-process.js'
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

    // Only an entry that was deleted may be written again.
    test('a stopped member whose partitions were taken and given back continues where the other one ended', async () => {
      const publisher = await fixture.open()
      await publisher.publish(fixture.topic, interleaved(keys, 1))
      const stopped = startMember(fixture.url, fixture.topic, 'all')
      await fixture.until(() => expect(stopped.accepted).toHaveLength(keys))
      process.kill(stopped.pid, 'SIGSTOP')
      await publisher.publish(fixture.topic, interleaved(keys, 8, 1))
      const got = collector()
      const other = await fixture.open()
      await other.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
      const meanwhile = interleaved(keys, 8, 1).map(idOf)
      await fixture.until(() => expect(meanwhile.filter((id) => !got.seen.has(id))).toEqual([]))
      await other.close()
      process.kill(stopped.pid, 'SIGCONT')
      await publisher.publish(fixture.topic, interleaved(keys, 1, 9))
      const last = interleaved(keys, 1, 9).map(idOf)
      await fixture.until(() =>
        expect(stopped.accepted.map(({ id }) => id)).toEqual(expect.arrayContaining(last)),
      )
      expect(stopped.accepted).toHaveLength(2 * keys)
    })

    test('a member whose group is deleted from the bucket, or the bucket itself, goes on where it was', async () => {
      const broker = await fixture.open()
      const got = collector()
      await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
      const nextRound = async (round: number) => {
        await broker.publish(fixture.topic, interleaved(keys, 1, round))
        await fixture.until(() => expect(got.seen.size).toBe((round + 1) * keys))
      }
      await nextRound(0)
      await deleteLeases(nats.url, fixture.topic, 'entries')
      await nextRound(1)
      await untilCommitted(nats.url, fixture.topic, 2 * keys)
      await deleteLeases(nats.url, fixture.topic, 'each entry')
      await nextRound(2)
      await deleteLeases(nats.url, fixture.topic, 'bucket')
      await nextRound(3)
      await untilCommitted(nats.url, fixture.topic, 4 * keys)
      expect(got.ids).toHaveLength(4 * keys)
      expect(keysOutOfOrder(got.ids)).toEqual([])
    })

    // It went on until another member took over, which handled all of that again.
    test('a member whose commits are refused takes no more than its buffer, and goes on when they are stored', async () => {
      const broker = await fixture.open()
      await broker.publish(fixture.topic, interleaved(keys, 1))
      const subscribe = async (group: string, maxBuffered: number) => {
        const got = collector()
        await broker.subscribe({ topic: fixture.topic, group, maxBuffered }, got.handler)
        await fixture.until(() => expect(got.seen.size).toBe(keys))
        return got
      }
      const [got, compared] = [await subscribe('all', 50), await subscribe('other', 10_000)]
      await limitCommits(nats.url, fixture.topic, 1)
      await broker.publish(fixture.topic, interleaved(keys, 9, 1))
      await fixture.until(() => expect(compared.seen.size).toBe(10 * keys))
      expect(got.seen.size).toBeLessThanOrEqual(keys + 50)
      await limitCommits(nats.url, fixture.topic, -1)
      await fixture.until(() => expect(got.seen.size).toBe(10 * keys))
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

async function deleteLeases(url: string, topic: string, what: 'entries' | 'each entry' | 'bucket') {
  if (what === 'each entry') {
    const nats = await connect({ servers: url })
    const bucket = await new Kvm(nats).open(bucketOf(topic))
    for await (const key of await bucket.keys()) await bucket.delete(key)
    return nats.close()
  }
  await withStreams(url, async (streams) => {
    const name = `KV_${bucketOf(topic)}`
    await (what === 'bucket' ? streams.delete(name) : streams.purge(name))
  })
}

/** Until a lease has the sequence after `last`. */
async function untilCommitted(url: string, topic: string, last: number): Promise<void> {
  await withStreams(url, (streams) =>
    expect
      .poll(
        async () => {
          const name = `KV_${bucketOf(topic)}`
          const { state } = await streams.info(name, { subjects_filter: '>' })
          const subjects = Object.keys(state.subjects ?? {})
          const entries = await Promise.all(
            subjects.map((subject) => streams.getMessage(name, { last_by_subj: subject })),
          )
          return entries.map((entry) => Number(entry?.json<{ next: string }>().next))
        },
        { timeout: 60_000 },
      )
      .toContain(last + 1),
  )
}

async function withStreams(url: string, use: (streams: StreamAPI) => Promise<void>): Promise<void> {
  const nats = await connect({ servers: url })
  try {
    await use((await jetstreamManager(nats)).streams)
  } finally {
    await nats.close()
  }
}

/** The most bytes that a commit may have; -1: any. */
async function limitCommits(url: string, topic: string, bytes: number): Promise<void> {
  await withStreams(url, async (streams) => {
    const name = `KV_${bucketOf(topic)}`
    const { config } = await streams.info(name)
    await streams.update(name, { ...config, max_msg_size: bytes })
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
