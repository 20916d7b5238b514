import { openBroker } from '@herald/broker'
import { silentLogger } from '@herald/runtime/logger'
import kafkajs from 'kafkajs'
import { expect, onTestFinished, test } from 'vitest'
import {
  collector,
  event,
  idOf,
  interleaved,
  keysOutOfOrder,
  useFixture,
} from './conformance/fixture.js'
import { describeConformance } from './conformance.js'
import { describeOnKafka, shortSession, useKafka } from './kafka/use-kafka.js'

describeOnKafka('on a Kafka of three brokers', () => {
  const kafka = useKafka({ brokers: 3, heapMb: 384 })
  const createBroker = async () => ({
    url: kafka.url,
    storingPids: async () => [0, 1, 2].map((index) => kafka.cluster.pid(index) ?? 0),
    dispose: async () => {},
  })
  describeConformance('kafka, 3 brokers', { createBroker })

  const fixture = useFixture(createBroker)

  test('publishing and delivery continue when the leader is killed, and nothing is lost', async () => {
    const keys = 20
    const first = await fixture.open({ partitions: 1 })
    await first.publish(fixture.topic, interleaved(keys, 1))
    const leader = await leaderOf(kafka.cluster.bootstrap, fixture.topic)
    // The broker that is killed is the first one a client would connect to.
    const addresses = kafka.cluster.bootstrap.split(',')
    const leaderFirst = [...addresses.slice(leader - 1), ...addresses.slice(0, leader - 1)]
    const broker = await openBroker(`kafka://${leaderFirst.join(',')}?${shortSession}`, {
      logger: silentLogger,
    })
    onTestFinished(() => broker.close())
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    let killed: Promise<void> | undefined
    let refused = 0
    let longestMs = 0
    for (let round = 1; round < 60; round += 1) {
      if (round === 20) killed = kafka.cluster.kill(leader - 1)
      const startedAt = performance.now()
      const messages = Array.from({ length: keys }, (_, key) => event(`k${key}`, round))
      while (refused < 10 && !(await taken(broker.publish(fixture.topic, messages)))) refused += 1
      longestMs = Math.max(longestMs, performance.now() - startedAt)
    }
    await killed
    expect(refused).toBeLessThan(10)
    const wanted = interleaved(keys, 60).map(idOf)
    await fixture.until(() => expect(got.seen.size).toBe(wanted.length))
    expect(got.seen).toEqual(new Set(wanted))
    expect(keysOutOfOrder(got.ids)).toEqual([])
    expect(await leaderOf(kafka.cluster.bootstrap, fixture.topic)).not.toBe(leader)
    console.log(
      `kafka, 3 brokers: leader killed: 0 of ${wanted.length} events lost, 0 out of order, ${got.ids.length - wanted.length} twice; publish refused ${refused} times, longest ${(longestMs / 1000).toFixed(1)} s`,
    )
    await kafka.cluster.restart(leader - 1)
  })
})

const taken = (publishing: Promise<unknown>) =>
  publishing.then(
    () => true,
    () => false,
  )

async function leaderOf(bootstrap: string, topic: string): Promise<number> {
  const logLevel = kafkajs.logLevel.NOTHING
  const admin = new kafkajs.Kafka({ brokers: bootstrap.split(','), logLevel }).admin()
  await admin.connect()
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]?.partitions[0]?.leader ?? -1
  } finally {
    await admin.disconnect()
  }
}
