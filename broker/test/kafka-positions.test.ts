import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { silentLogger } from '@herald/runtime/logger'
import kafkajs, { type Admin, type Kafka } from 'kafkajs'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { openKafkaBroker } from '#src/drivers/kafka'
import { collector, event, idOf, useFixture } from './conformance/fixture.js'
import { describeOnKafka, shortSession, useKafka } from './kafka/use-kafka.js'

const stallMs = 300
const events = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => event('k', from + index))

describeOnKafka('Kafka: offsets', () => {
  const kafka = useKafka({ settings: { 'log.cleaner.backoff.ms': '100' } })
  const createBroker = async () => ({ url: kafka.url, dispose: async () => {} })
  const fixture = useFixture(createBroker)
  let client: Kafka
  let admin: Admin

  beforeAll(async () => {
    const brokers = kafka.cluster.bootstrap.split(',')
    client = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
    admin = client.admin()
    await admin.connect()
  })
  afterAll(() => admin?.disconnect())

  /** A consumer that looks for stalls every 300 ms. */
  async function openWatched() {
    const url = `${kafka.cluster.url}?${shortSession}&stallMs=${stallMs}`
    const broker = await openKafkaBroker(url, { logger: silentLogger, partitions: 2 })
    onTestFinished(() => broker.close())
    return broker
  }

  const memberIds = async (group: string) =>
    (await admin.describeGroups([group])).groups[0]?.members.map(({ memberId }) => memberId)

  const committed = async (groupId: string) =>
    (await admin.fetchOffsets({ groupId, topics: [fixture.topic] }))[0]?.partitions.map(
      ({ offset }) => offset,
    )

  /** Deletes the topic and creates it with two partitions. Kafka does both some time later. */
  async function recreate(topic: string) {
    await admin.deleteTopics({ topics: [topic] })
    await fixture.until(async () => expect(await admin.listTopics()).not.toContain(topic))
    const topics = [{ topic, numPartitions: 2 }]
    await fixture.until(async () => {
      await admin.createTopics({ topics, waitForLeaders: false })
      expect(await admin.fetchTopicOffsets(topic)).toHaveLength(2)
    })
  }

  /** The members stay the same through three periods of the watch. */
  async function expectNotReplaced(group: string) {
    const before = await memberIds(group)
    expect(before).toHaveLength(1)
    await wait(4 * stallMs)
    expect(await memberIds(group)).toEqual(before)
  }

  test('a new topic can be read and published to at once, without duplicates', async () => {
    for (let round = 0; round < 5; round += 1) {
      const topic = `${fixture.topic}-${round}`
      const broker = await fixture.open()
      const got = collector()
      const subscription = await broker.subscribe({ topic, group: randomUUID() }, got.handler)
      expect(await subscription.lag()).toBe(0)
      const sent = Array.from({ length: 32 }, (_, index) => event(`key-${index}`, index))
      await broker.publish(topic, sent)
      await fixture.until(async () => expect(await subscription.lag()).toBe(0))
      expect(got.ids.toSorted()).toEqual(sent.map(idOf).sort())
      await broker.close()
    }
  })

  test('a topic created by publishing gets each message once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const topic = `${fixture.topic}-${round}`
      const broker = await fixture.open()
      const sent = Array.from({ length: 32 }, (_, index) => event(`key-${index}`, index))
      await broker.publish(topic, sent)
      const ends = await admin.fetchTopicOffsets(topic)
      expect(ends.reduce((sum, { high }) => sum + Number(high), 0)).toBe(sent.length)
      await broker.close()
    }
  })

  test('idle partitions with everything committed do not replace the consumer', async () => {
    const options = { topic: fixture.topic, group: randomUUID() }
    const first = await openWatched()
    await first.publish(fixture.topic, [...events(0, 3), event('other', 0)])
    const got = collector()
    await first.subscribe(options, got.handler)
    await fixture.until(() => expect(got.ids).toHaveLength(4))
    await first.close()
    const second = await openWatched()
    const subscription = await second.subscribe(options, got.handler)
    await expectNotReplaced(options.group)
    expect(await subscription.lag()).toBe(0)
    expect(got.ids).toHaveLength(4)
  })

  test.each(['commit', 'abort'] as const)(
    'a topic on which a transaction ended with %s has no lag and does not replace the consumer',
    async (end) => {
      const options = { topic: fixture.topic, group: randomUUID() }
      const broker = await openWatched()
      const got = collector()
      const subscription = await broker.subscribe(options, got.handler)
      const producer = client.producer({
        transactionalId: randomUUID(),
        idempotent: true,
        maxInFlightRequests: 1,
      })
      onTestFinished(() => producer.disconnect())
      await producer.connect()
      await producer.send({
        topic: fixture.topic,
        messages: [{ key: 'k', value: 'before', partition: 0 }],
      })
      const transaction = await producer.transaction()
      await transaction.send({
        topic: fixture.topic,
        messages: [{ key: 'k', value: 'in', partition: 0 }],
      })
      await transaction[end]()
      const expected = end === 'commit' ? ['before', 'in'] : ['before']
      await fixture.until(() => expect(got.ids).toEqual(expected))
      await fixture.until(async () => expect(await subscription.lag()).toBe(0))
      await expectNotReplaced(options.group)
      await fixture.until(async () => expect(await committed(options.group)).toContain('3'))
      await producer.send({
        topic: fixture.topic,
        messages: [{ key: 'k', value: 'after', partition: 0 }],
      })
      await fixture.until(() => expect(got.ids).toEqual([...expected, 'after']))
    },
  )

  test('a compacted topic with gaps in its offsets does not replace the consumer', async () => {
    const compacted = {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
    }
    const configEntries = Object.entries(compacted).map(([name, value]) => ({ name, value }))
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic: fixture.topic, numPartitions: 1, configEntries }],
    })
    const broker = await openWatched()
    for (let round = 0; round < 3; round += 1) {
      await broker.publish(fixture.topic, events(10 * round, 10))
      await wait(150)
    }
    const seen = async () => {
      const reader = collector()
      const subscription = await broker.subscribe(
        { topic: fixture.topic, group: randomUUID() },
        reader.handler,
      )
      await fixture.until(async () => expect(await subscription.lag()).toBe(0))
      await subscription.close()
      return reader.ids
    }
    await fixture.until(async () => expect((await seen()).length).toBeLessThan(30))
    const options = { topic: fixture.topic, group: randomUUID() }
    const got = collector()
    const subscription = await broker.subscribe(options, got.handler)
    await fixture.until(() => expect(got.ids).toContain('k/29'))
    await fixture.until(async () => expect(await subscription.lag()).toBe(0))
    await expectNotReplaced(options.group)
  })

  test('two programs in one group on different topics each get all their events', async () => {
    const group = randomUUID()
    const topics = [`${fixture.topic}-a`, `${fixture.topic}-b`] as const
    const readers = await Promise.all(
      topics.map(async (topic) => {
        const broker = await fixture.open()
        const got = collector()
        await broker.subscribe({ topic, group }, got.handler)
        return { broker, topic, got }
      }),
    )
    const sent = Array.from({ length: 100 }, (_, index) => event(`key-${index}`, index))
    for (const { broker, topic } of readers) await broker.publish(topic, sent)
    for (const { got } of readers) {
      await fixture.until(() => expect(new Set(got.ids).size).toBe(100))
    }
  })

  test('a member with another assigner in the same group does not lose an event', async () => {
    const group = randomUUID()
    const broker = await fixture.open()
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group }, got.handler)
    const foreignTopic = `${fixture.topic}-foreign`
    await admin.createTopics({ topics: [{ topic: foreignTopic, numPartitions: 4 }] })
    const foreign = client.consumer({ groupId: group, retry: { retries: 0 } })
    onTestFinished(() => foreign.disconnect())
    await foreign.connect()
    await foreign.subscribe({ topic: foreignTopic })
    const refused = new Promise((resolve) => foreign.on(foreign.events.CRASH, resolve))
    await foreign.run({ eachMessage: async () => {} })
    await refused
    const sent = Array.from({ length: 50 }, (_, index) => event(`key-${index}`, index))
    await broker.publish(fixture.topic, sent)
    await fixture.until(() => expect(new Set(got.ids).size).toBe(50))
  })

  test.each([
    ['running', 2],
    ['running', 8],
    ['stopped', 8],
  ] as const)(
    'a topic that is deleted and created again loses no event: consumer %s, %i new events',
    async (consumer, count) => {
      const options = { topic: fixture.topic, group: randomUUID() }
      const got = collector()
      const broker = await openWatched()
      await broker.publish(fixture.topic, [...events(0, 5), event('other', 0)])
      await broker.subscribe(options, got.handler)
      await fixture.until(() => expect(got.ids).toHaveLength(6))
      if (consumer === 'stopped') await broker.close()
      await recreate(fixture.topic)
      const other = await fixture.open()
      await other.publish(fixture.topic, events(100, count))
      if (consumer === 'stopped') await (await openWatched()).subscribe(options, got.handler)
      const expected = events(100, count).map(({ value }) => Buffer.from(value).toString())
      await fixture.until(() => expect(got.ids.slice(-count)).toEqual(expected))
    },
  )

  test('a topic that is created again while its partitions are paused loses no event', async () => {
    const options = { topic: fixture.topic, group: randomUUID(), maxInFlight: 1, maxBuffered: 1 }
    let release = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const got = collector(async () => {
      if (got.ids.length === 3) await released
    })
    const broker = await openWatched()
    await broker.publish(fixture.topic, events(0, 5))
    const subscription = await broker.subscribe(options, got.handler)
    await fixture.until(async () => {
      expect(await subscription.lag()).toBe(2)
      expect(await committed(options.group)).toContain('3')
    })
    await recreate(fixture.topic)
    const other = await fixture.open()
    await other.publish(fixture.topic, events(100, 8))
    release()
    const expected = events(100, 8).map(({ value }) => Buffer.from(value).toString())
    // Kafka may return events at the old position before the new topic is noticed; all come then.
    await fixture.until(() => expect(got.ids.slice(-expected.length)).toEqual(expected))
  })
})
