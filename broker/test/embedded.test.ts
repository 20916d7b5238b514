import { statSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openBroker } from '@herald/broker'
import { silentLogger as logger } from '@herald/runtime'
import { openStore } from '@herald/runtime/store'
import { describe, expect, test } from 'vitest'
import { EventLog } from '#src/drivers/embedded/event-log'
import { Groups } from '#src/drivers/embedded/groups'
import { collector, event, type Fixture, interleaved, useFixture } from './conformance/fixture.js'
import { describeConformance } from './conformance.js'
import { createEmbeddedFolder } from './embedded-folder.js'

const directoryOf = (fixture: Fixture) => fixture.url.slice('embedded:'.length)

describeConformance('embedded', { createBroker: createEmbeddedFolder })

describe('embedded: in its folder', () => {
  const fixture = useFixture(createEmbeddedFolder)

  test('an earlier epoch cannot commit', async () => {
    const store = openStore(directoryOf(fixture))
    const groups = new Groups(store)
    const name = { topic: 't', group: 'g' }
    const acquire = (holder: string, observed = groups.lease(name)) =>
      store.write(() => groups.acquire(name, holder, observed))
    const commit = (epoch: number | undefined, offset: number) =>
      store.write(() => groups.commit(name, epoch ?? Number.NaN, new Map([[0, offset]])))
    const nobody = groups.lease(name)
    const lost = await acquire('a')
    expect(await acquire('b', nobody)).toBeUndefined()
    const epoch = await acquire('b')
    expect(await commit(lost, 7)).toBe(false)
    await store.write(() => groups.release(name, lost ?? Number.NaN))
    expect(groups.lease(name)).toEqual({ epoch, holder: 'b' })
    expect(await commit(epoch, 5)).toBe(true)
    expect(await commit(epoch, 4)).toBe(true)
    expect(groups.committed(name, 0)).toBe(5)
    await store.close()
  })

  test('a folder of version 0.1.0 keeps its events and committed positions', async () => {
    const store = openStore(directoryOf(fixture))
    const { topic } = fixture
    const tables = {
      topics: store.table('topics'),
      next: store.table('next-offsets'),
      events: store.table('events'),
      members: store.table('group-members'),
      shares: store.table('group-shares'),
      generations: store.table('group-generations'),
    }
    const holder = '01a22340-6d89-72e9-ba51-c2453a52ac18'
    await store.write(() => {
      tables.topics.put(topic, { partitions: 2, retentionMs: 604_800_000 })
      for (const [partition, committed] of [1, null].entries()) {
        tables.next.put([topic, partition], 2)
        for (const offset of [0, 1]) {
          const value = Buffer.from(`p${partition}/${offset}`)
          tables.events.put([topic, partition, offset], {
            ...{ key: `p${partition}`, value, headers: {}, at: Date.now() },
          })
        }
        tables.shares.put([topic, 'all', partition], { epoch: 3, holder, offset: committed })
      }
      const process = { pid: 999_999_999, startedAt: '1' }
      tables.members.put([topic, 'all', holder], { process, mark: holder })
      tables.generations.put([topic, 'all'], 4)
    })
    await store.close()
    const broker = await fixture.open()
    expect(await broker.hasHadConsumers?.(topic)).toBe(true)
    const got = collector()
    await broker.subscribe({ topic, group: 'all' }, got.handler)
    await fixture.until(() => expect(got.ids.toSorted()).toEqual(['p0/1', 'p1/0', 'p1/1']))
  })

  test('a topic keeps the partitions it was created with', async () => {
    await (await fixture.open({ partitions: 3 })).publish(fixture.topic, [event('k', 0)])
    const later = await fixture.open({ partitions: 5 })
    const options = { topic: fixture.topic, group: 'all' }
    const subscription = await later.subscribe(options, collector().handler)
    expect(subscription.partitions).toEqual([0, 1, 2])
  })

  test('a key keeps its partition, events without a key are spread', async () => {
    const broker = await fixture.open()
    const partitionsOf = async (key: string | null) => {
      const messages = Array.from({ length: 8 }, (_, number) => event(key, number))
      const published = await broker.publish(fixture.topic, messages)
      return new Set(published.map(({ partition }) => partition))
    }
    expect((await partitionsOf('ada@example.com')).size).toBe(1)
    expect((await partitionsOf(null)).size).toBe(8)
  })

  test('expired events are removed, even if a group has not read them; the others stay', async () => {
    const first = await fixture.open({ partitions: 2, retentionMs: 60_000 })
    await first.publish(fixture.topic, interleaved(10, 1))
    const early = collector()
    const options = { topic: fixture.topic, group: 'all' }
    const subscription = await first.subscribe(options, early.handler)
    await fixture.until(() => expect(early.ids).toHaveLength(10))
    await subscription.close()
    await first.publish(fixture.topic, interleaved(10, 150, 1))

    const store = openStore(directoryOf(fixture))
    const log = new EventLog(store)
    const now = Date.now
    try {
      Date.now = () => now() + 70_000
      await first.publish(fixture.topic, [event('late', 0), event('later', 0)])
      await log.removeExpired(new AbortController().signal)
    } finally {
      Date.now = now
    }
    const kept = [0, 1].flatMap((partition) => log.read(fixture.topic, partition, 0, 10))
    expect(kept).toHaveLength(2)
    const late = collector()
    const again = await first.subscribe(options, late.handler)
    await fixture.until(() => expect(late.ids.toSorted()).toEqual(['late/0', 'later/0']))
    expect(await again.lag()).toBe(0)
    await store.close()
  })

  test('expired events are removed when a broker opens', async () => {
    const first = await fixture.open({ retentionMs: 1 })
    await first.publish(fixture.topic, interleaved(10, 1))
    await first.close()
    // Older than a millisecond by the clock's own reckoning.
    await wait(10)
    await fixture.open()
    const store = openStore(directoryOf(fixture))
    const log = new EventLog(store)
    await fixture.until(() => {
      const partitions = [0, 1, 2, 3, 4, 5, 6, 7]
      expect(partitions.flatMap((each) => log.read(fixture.topic, each, 0, 1))).toEqual([])
    })
    await store.close()
  })

  test('an idle subscriber writes nothing to the store', async () => {
    const broker = await fixture.open()
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    await broker.publish(fixture.topic, [event('k', 0)])
    const file = join(directoryOf(fixture), 'store', 'data.mdb')
    const changed = () => statSync(file).mtimeMs
    await fixture.until(async () => {
      const before = changed()
      await wait(100)
      expect(got.ids).toHaveLength(1)
      expect(changed()).toBe(before)
    })
    const before = changed()
    await wait(1500)
    expect(changed()).toBe(before)
  })

  test('a consumer that closed leaves no heartbeat and no lease', async () => {
    const broker = await fixture.open()
    const name = { topic: fixture.topic, group: 'all' }
    await broker.subscribe(name, collector().handler)
    const heartbeats = () => readdir(join(directoryOf(fixture), 'heartbeats'))
    expect(await heartbeats()).toHaveLength(1)
    await broker.close()
    expect(await heartbeats()).toEqual([])
    const store = openStore(directoryOf(fixture))
    expect(new Groups(store).lease(name).holder).toBeNull()
    await store.close()
  })

  test('a file in place of the folder is refused by its path', async () => {
    const path = join(directoryOf(fixture), 'file')
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
