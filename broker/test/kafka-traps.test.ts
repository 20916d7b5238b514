import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Delivery, Subscription } from '@herald/broker'
import { silentLogger } from '@herald/runtime/logger'
import kafkajs, { type Admin, type KafkaMessage } from 'kafkajs'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { openKafkaBroker } from '#src/drivers/kafka'
import { murmur2, Partitioner } from '#src/drivers/kafka/partitioner'
import {
  collector,
  event,
  idOf,
  interleaved,
  keysOutOfOrder,
  useFixture,
} from './conformance/fixture.js'
import { cuttableSockets } from './kafka/cuttable-sockets.js'
import { produceWithJava } from './kafka/foreign-producer.js'
import { describeOnKafka, useKafka } from './kafka/use-kafka.js'

const rounds = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => event('k', from + index))

describeOnKafka('Kafka: workarounds for kafkajs', () => {
  const kafka = useKafka()
  const createBroker = async () => ({ url: kafka.url, dispose: async () => {} })
  const fixture = useFixture(createBroker)
  let admin: Admin

  beforeAll(async () => {
    const { bootstrap } = kafka.cluster
    const logLevel = kafkajs.logLevel.NOTHING
    admin = new kafkajs.Kafka({ brokers: bootstrap.split(','), logLevel }).admin()
    await admin.connect()
  })
  afterAll(() => admin?.disconnect())

  const committed = async (group: string) => {
    const [topic] = await admin.fetchOffsets({ groupId: group, topics: [fixture.topic] })
    return new Map(topic?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  }

  test('a handler that outlasts the session does not cost the membership', async () => {
    const broker = await fixture.open({ partitions: 1 })
    await broker.publish(fixture.topic, [event('slow', 0), ...rounds(0, 3)])
    const begun: string[] = []
    const got = collector(async (delivery) => {
      begun.push(idOf(delivery))
      if (delivery.key === 'slow') await wait(4000)
    })
    const group = randomUUID()
    const members = async () =>
      (await admin.describeGroups([group])).groups[0]?.members.map(({ memberId }) => memberId)
    await broker.subscribe({ topic: fixture.topic, group }, got.handler)
    const before = await members()
    await fixture.until(() => expect(got.ids).toEqual(['k/0', 'k/1', 'k/2', 'slow/0']))
    expect(begun).toEqual(['slow/0', 'k/0', 'k/1', 'k/2'])
    expect(before).toHaveLength(1)
    expect(await members()).toEqual(before)
  })

  test('a full subscription continues as soon as there is room', async () => {
    const broker = await fixture.open({ partitions: 1 })
    await broker.publish(fixture.topic, rounds(0, 10))
    const got = collector()
    const options = { topic: fixture.topic, group: 'all', maxInFlight: 1, maxBuffered: 1 }
    const subscription = await broker.subscribe(options, got.handler)
    const startedAt = performance.now()
    await fixture.until(() => expect(got.ids).toHaveLength(10))
    // Ten pauses. With the default fetch wait they would take some 40 s.
    expect(performance.now() - startedAt).toBeLessThan(30_000)
    await subscription.close()
    expect((await committed('all')).get(0)).toBe(10)
  })

  test('events in flight over a rebalance are not handled twice if their partition stays', async () => {
    const broker = await fixture.open()
    await broker.publish(fixture.topic, interleaved(50, 2))
    const begun: { id: string; partition: number }[] = []
    let finish = () => {}
    const finishing = new Promise<void>((resolve) => {
      finish = resolve
    })
    const options = { topic: fixture.topic, group: 'all', maxInFlight: 100 }
    const first = await broker.subscribe(options, async (delivery) => {
      begun.push({ id: idOf(delivery), partition: Number(delivery.partition) })
      await finishing
    })
    await fixture.until(() => expect(begun).toHaveLength(50))
    const other = await fixture.open()
    const second = await other.subscribe(options, async () => {})
    await fixture.until(() => {
      expect(first.partitions).toHaveLength(4)
      expect(second.partitions).toHaveLength(4)
    })
    const kept = new Set(first.partitions)
    const position = () => begun.filter(({ partition }) => kept.has(partition)).map(({ id }) => id)
    // Longer than a fetch, in which kafkajs delivers from the committed offset again.
    await wait(500)
    finish()
    await fixture.until(() => expect(new Set(position()).size).toBeGreaterThan(0))
    await fixture.until(async () => expect(await first.lag()).toBe(0))
    expect(position().toSorted()).toEqual([...new Set(position())].sort())
    expect(keysOutOfOrder(position())).toEqual([])
  })

  test('an acknowledgement after the partition moved does not move its offset back', async () => {
    const broker = await fixture.open()
    await broker.publish(fixture.topic, interleaved(50, 4))
    const late: (() => void)[] = []
    let hold = true
    const aborted = new Set<number>()
    const options = { topic: fixture.topic, group: 'all', maxInFlight: 100 }
    const first = await broker.subscribe(options, (delivery, { signal }) => {
      signal.addEventListener('abort', () => aborted.add(Number(delivery.partition)))
      return new Promise((resolve) => (hold ? late.push(resolve) : resolve()))
    })
    await fixture.until(() => expect(late).toHaveLength(50))
    const got = collector()
    const second = await (await fixture.open()).subscribe(options, got.handler)
    await fixture.until(async () => {
      expect(second.partitions).toHaveLength(4)
      expect(await second.lag()).toBe(0)
    })
    await fixture.until(async () => {
      const offsets = await committed('all')
      const ends = await admin.fetchTopicOffsets(fixture.topic)
      const theirs = partitionsOf(second).map((each) => [each, offsets.get(each)] as const)
      expect(theirs).toEqual(
        partitionsOf(second).map((each) => [
          each,
          Number(ends.find(({ partition }) => partition === each)?.high) || -1,
        ]),
      )
    })
    const before = await committed('all')
    expect([...aborted].sort()).toEqual(
      partitionsOf(second).filter((each) => (before.get(each) ?? -1) > 0),
    )
    hold = false
    for (const acknowledge of late) acknowledge()
    await fixture.until(async () => {
      const after = await committed('all')
      expect(partitionsOf(first).some((each) => (after.get(each) ?? -1) > 0)).toBe(true)
      for (const each of partitionsOf(second)) expect(after.get(each)).toBe(before.get(each))
    })
  })

  test('a group whose offset has expired continues with the oldest event', async () => {
    const broker = await fixture.open({ partitions: 1 })
    await broker.publish(fixture.topic, rounds(0, 5))
    const early = collector()
    const options = { topic: fixture.topic, group: 'all' }
    const subscription = await broker.subscribe(options, early.handler)
    await fixture.until(() => expect(early.ids).toHaveLength(5))
    await subscription.close()
    await broker.publish(fixture.topic, rounds(5, 5))
    const partitions = [{ partition: 0, offset: '8' }]
    await admin.fetchTopicMetadata({ topics: [fixture.topic] })
    await admin.deleteTopicRecords({ topic: fixture.topic, partitions })
    const late = collector()
    await broker.subscribe(options, late.handler)
    await fixture.until(() => expect(late.ids).toEqual(['k/8', 'k/9']))
  })

  test('a topic that is deleted and created again is read from its beginning', async () => {
    const broker = await fixture.open({ partitions: 1 })
    await broker.publish(fixture.topic, rounds(0, 5))
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await fixture.until(() => expect(got.ids).toHaveLength(5))
    await admin.deleteTopics({ topics: [fixture.topic] })
    await fixture.until(async () => expect(await admin.listTopics()).not.toContain(fixture.topic))
    await broker.publish(fixture.topic, rounds(100, 2))
    await fixture.until(() => expect(got.ids.slice(5)).toEqual(['k/100', 'k/101']))
  })

  test('messages of another client in zstd, lz4 or snappy are read, and go to the partitions of our keys', async () => {
    const broker = await fixture.open({ partitions: 7 })
    const published = await broker.publish(fixture.topic, [event('first', 0)])
    expect(published).toHaveLength(1)
    const keys = Array.from({ length: 60 }, (_, index) => `größe-${'x'.repeat(index % 9)}${index}`)
    const compressions = ['zstd', 'lz4', 'snappy']
    const { bootstrap } = kafka.cluster
    const placed = await produceWithJava(bootstrap, fixture.topic, compressions, keys)
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await fixture.until(() => expect(got.ids).toHaveLength(61))
    const ours = new Partitioner()
    for (const key of keys) expect([key, ours.partitionFor(key, 7)]).toEqual([key, placed.get(key)])
  })

  test('a binary key and repeated headers are published again byte for byte', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0xfe])
    const sent = {
      key: bytes,
      value: Buffer.from('value'),
      headers: { twice: ['one', 'two'], once: bytes },
    }
    const { bootstrap } = kafka.cluster
    const client = new kafkajs.Kafka({
      brokers: bootstrap.split(','),
      logLevel: kafkajs.logLevel.NOTHING,
    })
    const producer = client.producer()
    const consumer = client.consumer({ groupId: randomUUID() })
    onTestFinished(
      async () => void (await Promise.all([producer.disconnect(), consumer.disconnect()])),
    )
    const broker = await fixture.open({ partitions: 1 })
    const copies = `${fixture.topic}-copies`
    await Promise.all(
      [fixture.topic, copies].map((topic) => broker.publish(topic, [event('first', 0)])),
    )
    await producer.connect()
    await producer.send({ topic: fixture.topic, messages: [sent] })
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await fixture.until(() => expect(got.ids).toEqual(['first/0', 'value']))
    const delivery = got.deliveries[1] as Delivery
    expect(Buffer.from(delivery.headers['twice'] ?? []).toString()).toBe('two')
    await broker.publish(copies, [delivery])
    const read: KafkaMessage[] = []
    await consumer.connect()
    await consumer.subscribe({ topic: copies, fromBeginning: true })
    await consumer.run({ eachMessage: async ({ message }) => void read.push(message) })
    await fixture.until(() => expect(read).toHaveLength(2))
    const twice = [Buffer.from('one'), Buffer.from('two')]
    expect(read[1]).toMatchObject({ key: bytes, headers: { twice, once: bytes } })
  })

  test('a consumer that stalls is replaced', async () => {
    const sockets = cuttableSockets()
    const url = `${kafka.cluster.url}?sessionTimeoutMs=3000&stallMs=1000&publishTimeoutMs=1000`
    const broker = await openKafkaBroker(url, {
      logger: silentLogger,
      socketFactory: sockets.factory,
      partitions: 1,
    })
    const publisher = await fixture.open({ partitions: 1 })
    await publisher.publish(fixture.topic, rounds(0, 1))
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await fixture.until(() => expect(got.ids).toEqual(['k/0']))
    expect(sockets.cut()).toBeGreaterThan(0)
    await publisher.publish(fixture.topic, rounds(1, 1))
    await vi.waitFor(() => expect(got.ids).toContain('k/1'), { timeout: 60_000, interval: 20 })
    await broker.close()
  })

  test('a consumer reads on after the clock of its machine was set back', async () => {
    const sessionMs = 2000
    const url = `${kafka.cluster.url}?sessionTimeoutMs=${sessionMs}`
    const broker = await openKafkaBroker(url, { logger: silentLogger })
    onTestFinished(() => broker.close())
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await broker.publish(fixture.topic, [event('k', 0)])
    await fixture.until(() => expect(got.seen.size).toBe(1))
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 })
    onTestFinished(() => void vi.useRealTimers())
    // Until the group has removed a member that sends no heartbeat.
    let published = 1
    for (const end = performance.now() + 3 * sessionMs; performance.now() < end; ) {
      await broker.publish(fixture.topic, [event('k', published)])
      published += 1
      await wait(100)
    }
    await fixture.until(() => expect(got.seen.size).toBe(published))
    expect(keysOutOfOrder(got.ids)).toEqual([])
  })

  test('a publisher whose connection stops responding opens another one', async () => {
    const sockets = cuttableSockets()
    const url = `${kafka.cluster.url}?publishTimeoutMs=3000`
    const options = { logger: silentLogger, socketFactory: sockets.factory, partitions: 1 }
    const broker = await openKafkaBroker(url, options)
    await broker.publish(fixture.topic, rounds(0, 1))
    sockets.cut()
    const [published] = await broker.publish(fixture.topic, rounds(1, 1))
    expect(published).toEqual({ position: '0/1', partition: 0, offset: '1' })
    await broker.close()
  })
})

test('keys are hashed as Kafka hashes them', () => {
  // From org.apache.kafka.common.utils.UtilsTest.
  const known: [string, number][] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ]
  for (const [key, hash] of known) expect(murmur2(Buffer.from(key))).toBe(hash)
})

const partitionsOf = ({ partitions }: Subscription) => partitions ?? []
