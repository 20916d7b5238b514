import { statSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openBroker } from '@herald/broker'
import { openBrokerStore } from '@herald/broker/drivers/embedded/broker-store'
import { removeExpired } from '@herald/broker/drivers/embedded/retention'
import { silentLogger as logger } from '@herald/runtime'
import { describe, expect, test } from 'vitest'
import { type Bench, collector, event, interleaved, useBench } from './conformance/bench.js'
import { describeConformance } from './conformance.js'
import { makeEmbeddedPlace } from './embedded-place.js'

const timing = { rebalanceMs: 5_000, deliveryMs: 5_000 }

const directoryOf = (bench: Bench) => bench.url.slice('embedded:'.length)

describeConformance('embedded', { makePlace: makeEmbeddedPlace, timing })

describe('embedded: in its folder', () => {
  const bench = useBench(makeEmbeddedPlace, timing)

  test('a lease that is lost commits nothing', async () => {
    const { store, groups } = openBrokerStore(directoryOf(bench))
    const name = { topic: 't', group: 'g' }
    const process = { pid: 1, startedAt: '' }
    const old = { id: 'a', process, mark: 'a' }
    const heir = { id: 'b', process, mark: 'b' }
    const none = new Set<never>()
    const settle = (member: typeof old, dead: ReadonlySet<string>) =>
      store.write(() => groups.settle(name, 1, member, dead, none))
    const [lost] = await settle(old, none)
    const [lease] = await settle(heir, new Set(['a']))
    if (lost === undefined || lease === undefined) throw new Error('the partition was not taken')
    const commit = (id: string, { epoch }: typeof lease, offset: number) =>
      store.write(() => groups.commit(name, id, { partition: 0, epoch }, offset))
    expect(await commit('a', lost, 7)).toBe(false)
    expect(await commit('b', lost, 7)).toBe(false)
    expect(await commit('b', lease, 5)).toBe(true)
    expect(await commit('b', lease, 4)).toBe(true)
    const [next] = await settle(old, new Set(['b']))
    expect(next).toMatchObject({ partition: 0, offset: 5 })
    await store.close()
  })

  test('a topic keeps the partitions it was made with', async () => {
    await (await bench.open({ partitions: 3 })).publish(bench.topic, [event('k', 0)])
    const later = await bench.open({ partitions: 5 })
    const options = { topic: bench.topic, group: 'all' }
    const subscription = await later.subscribe(options, collector().handler)
    expect(subscription.partitions).toEqual([0, 1, 2])
  })

  test('a key keeps its partition, events without one are spread', async () => {
    const broker = await bench.open()
    const partitionsOf = async (key: string | null) => {
      const messages = Array.from({ length: 8 }, (_, number) => event(key, number))
      const published = await broker.publish(bench.topic, messages)
      return new Set(published.map(({ partition }) => partition))
    }
    expect((await partitionsOf('ada@example.com')).size).toBe(1)
    expect((await partitionsOf(null)).size).toBe(8)
  })

  test('expired events go, also those a group has yet to read; the others stay', async () => {
    const first = await bench.open({ partitions: 2, retentionMs: 60_000 })
    await first.publish(bench.topic, interleaved(10, 1))
    const early = collector()
    const options = { topic: bench.topic, group: 'all' }
    const subscription = await first.subscribe(options, early.handler)
    await bench.until(() => expect(early.ids).toHaveLength(10))
    await subscription.close()
    await first.publish(bench.topic, interleaved(10, 150, 1))

    const { store, log } = openBrokerStore(directoryOf(bench))
    const now = Date.now
    try {
      Date.now = () => now() + 70_000
      await first.publish(bench.topic, [event('late', 0), event('later', 0)])
      await removeExpired({ store, log }, new AbortController().signal)
    } finally {
      Date.now = now
    }
    const kept = [0, 1].flatMap((partition) => log.read(bench.topic, partition, 0, 10))
    expect(kept).toHaveLength(2)
    const late = collector()
    const again = await first.subscribe(options, late.handler)
    await bench.until(() => expect(late.ids.toSorted()).toEqual(['late/0', 'later/0']))
    expect(await again.lag()).toBe(0)
    await store.close()
  })

  test('expired events are removed when a broker opens', async () => {
    const first = await bench.open({ retentionMs: 1 })
    await first.publish(bench.topic, interleaved(10, 1))
    await first.close()
    // Older than a millisecond by the clock's own reckoning.
    await wait(10)
    await bench.open()
    const { store, log } = openBrokerStore(directoryOf(bench))
    await bench.until(() => {
      const partitions = [0, 1, 2, 3, 4, 5, 6, 7]
      expect(partitions.flatMap((each) => log.read(bench.topic, each, 0, 1))).toEqual([])
    })
    await store.close()
  })

  test('an idle subscriber writes nothing to the store', async () => {
    const broker = await bench.open()
    const got = collector()
    await broker.subscribe({ topic: bench.topic, group: 'all' }, got.handler)
    await broker.publish(bench.topic, [event('k', 0)])
    const file = join(directoryOf(bench), 'store', 'data.mdb')
    const changed = () => statSync(file).mtimeMs
    await bench.until(async () => {
      const before = changed()
      await wait(100)
      expect(got.ids).toHaveLength(1)
      expect(changed()).toBe(before)
    })
    const before = changed()
    await wait(1500)
    expect(changed()).toBe(before)
  })

  test('nothing is left of members that closed', async () => {
    const broker = await bench.open()
    await broker.subscribe({ topic: bench.topic, group: 'all' }, collector().handler)
    const marks = () => readdir(join(directoryOf(bench), 'members'))
    expect(await marks()).toHaveLength(1)
    await broker.close()
    expect(await marks()).toEqual([])
    const { store, groups } = openBrokerStore(directoryOf(bench))
    expect(groups.members({ topic: bench.topic, group: 'all' })).toEqual([])
    await store.close()
  })

  test('a file in the place of the folder is told', async () => {
    const path = join(directoryOf(bench), 'file')
    await writeFile(path, '')
    await expect(openBroker(`embedded:${path}`, { logger })).rejects.toMatchObject({
      name: 'BrokerError',
      message: expect.stringContaining(path),
    })
  })
})

test.each([
  'embedded:',
  'embedded:  ',
  'embedded://host/data',
  'embedded:./x\0y',
  'embedded:./x?sesionTimeoutMs=1000',
  'embedded:./x?sessionTimeoutMs=soon',
  'embedded',
  'carrier-pigeon:./x',
])('%j is refused as a URL', async (url) => {
  await expect(openBroker(url, { logger })).rejects.toMatchObject({ code: 'BROKER_BAD_URL' })
})
