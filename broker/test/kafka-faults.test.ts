import { setTimeout as wait } from 'node:timers/promises'
import type { Delivery } from '@herald/broker'
import { expect, test } from 'vitest'
import {
  collector,
  event,
  idOf,
  interleaved,
  keysOutOfOrder,
  publishPersistently,
  useFixture,
} from './conformance/fixture.js'
import { firstAcceptances, startMember } from './conformance/member-process.js'
import { describeOnKafka, useKafka } from './kafka/use-kafka.js'

const keys = 100

describeOnKafka('Kafka: failures', () => {
  const kafka = useKafka()
  const fixture = useFixture(async () => ({ url: kafka.url, dispose: async () => {} }))

  test('20,000 events while the broker is killed and restarted twice: none lost, none out of order', async () => {
    const rounds = 200
    const broker = await fixture.open()
    const got = collector(() => wait(1))
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    const startedAt = performance.now()
    const outages: number[] = []
    let restarting: Promise<void> | undefined
    let retries = 0
    for (let round = 0; round < rounds; round += 1) {
      if (round === 60 || round === 130) {
        await restarting
        const killedAt = performance.now()
        // Not awaited: requests are in flight when the broker is killed.
        restarting = kafka.cluster.restart(0).then(() => {
          outages.push(performance.now() - killedAt)
        })
      }
      const messages = Array.from({ length: keys }, (_, key) => event(`k${key}`, round))
      retries += await publishPersistently(broker, fixture.topic, messages)
    }
    await restarting
    const wanted = interleaved(keys, rounds).map(idOf)
    await fixture.until(() => expect(got.seen.size).toBe(wanted.length))
    const tookMs = performance.now() - startedAt
    expect(got.seen).toEqual(new Set(wanted))
    expect(keysOutOfOrder(got.ids)).toEqual([])
    const copies = copiesOf(got.deliveries)
    console.log(
      `kafka: ${wanted.length} events in ${(tookMs / 1000).toFixed(1)} s over two outages of ${outages.map((ms) => (ms / 1000).toFixed(1)).join(' and ')} s: 0 lost, 0 out of order; publish refused ${retries} times; delivered more than once: ${copies.redelivered} as the same record again, ${copies.doubled} as a second record with the same id`,
    )
  }, 180_000)

  test('members join, leave and are killed under load: none lost, none out of order', async () => {
    const broker = await fixture.open()
    const sentAt = new Map<string, number>()
    let round = 0
    let loading = true
    const load = (async () => {
      while (loading) {
        const messages = interleaved(50, 1, round)
        const now = Number(process.hrtime.bigint())
        for (const message of messages) sentAt.set(idOf(message), now)
        await broker.publish(fixture.topic, messages)
        round += 1
        await wait(20)
      }
    })()
    const start = () => startMember(fixture.url, fixture.topic, 'all')
    const first = start()
    const working = (member: typeof first) => {
      const before = member.accepted.length
      return fixture.until(() => expect(member.accepted.length).toBeGreaterThan(before + 100))
    }
    await working(first)
    const [second, third] = [start(), start()]
    await Promise.all([working(second), working(third)])
    await first.end('SIGTERM')
    await Promise.all([working(second), working(third)])
    await second.end('SIGKILL')
    await working(third)
    loading = false
    await load

    const accepted = () => [first, second, third].flatMap((member) => member.accepted)
    const wanted = interleaved(50, round).map(idOf)
    await fixture.until(() =>
      expect(new Set(accepted().map(({ id }) => id))).toEqual(new Set(wanted)),
    )
    const firsts = firstAcceptances(accepted())
    expect(keysOutOfOrder(firsts.map(({ id }) => id))).toEqual([])
    const gaps = firsts.slice(1).map(({ at }, index) => (at - (firsts[index]?.at ?? at)) / 1e6)
    const latencies = firsts.map(({ id, at }) => (at - (sentAt.get(id) ?? Number.NaN)) / 1e6)
    const longestMs = Math.max(...gaps)
    const latestMs = Math.max(...latencies)
    console.log(
      `kafka: ${wanted.length} events, three members joined, one left, one was killed: 0 lost, 0 out of order, ${accepted().length - wanted.length} handled twice; longest pause of the group ${longestMs.toFixed(0)} ms, longest wait of one event ${latestMs.toFixed(0)} ms`,
    )
  })
})

function copiesOf(deliveries: readonly Delivery[]): { redelivered: number; doubled: number } {
  const records = new Set<string>()
  const ids = new Set<string>()
  let doubled = 0
  let redelivered = 0
  for (const delivery of deliveries) {
    const record = `${delivery.partition}/${delivery.offset}`
    if (records.has(record)) redelivered += 1
    else if (ids.has(idOf(delivery))) doubled += 1
    records.add(record)
    ids.add(idOf(delivery))
  }
  return { redelivered, doubled }
}
