import { openBroker } from '@herald/broker'
import { silentLogger as logger } from '@herald/runtime'
import { processName } from '@herald/runtime/process-identity'
import { openStore } from '@herald/runtime/store'
import { describe, expect, test } from 'vitest'
import { Groups } from '#src/drivers/embedded/groups'
import { collector, event, idOf, interleaved, useFixture } from './conformance/fixture.js'
import { type MemberProcess, startMember } from './conformance/member-process.js'
import { createEmbeddedFolder } from './embedded-folder.js'

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

describe('embedded: between processes', () => {
  const fixture = useFixture(createEmbeddedFolder)

  test('an event reaches another process without waiting for a poll', async () => {
    const broker = await fixture.open()
    const member = startMember(fixture.url, fixture.topic, 'all', { longestMs: 0 })
    await fixture.until(() => expect(member.ready).toBe(true))
    const sent: number[] = []
    for (let number = 0; number < 25; number += 1) {
      sent.push(Number(process.hrtime.bigint()))
      await broker.publish(fixture.topic, [event('k', number)])
      await fixture.until(() => expect(member.accepted).toHaveLength(number + 1))
    }
    const latenciesMs = member.accepted.map(({ at }, index) => (at - (sent[index] ?? NaN)) / 1e6)
    const worst = Math.max(...latenciesMs)
    console.log(
      `embedded: publish to handler in another process: median ${median(latenciesMs).toFixed(2)} ms, worst ${worst.toFixed(1)} ms`,
    )
    // Without the bell each would wait for the poll, a second after the one before.
    expect(median(latenciesMs)).toBeLessThan(700)
  })

  test('when the active consumer is killed, the standby does not wait for the session to end', async () => {
    const url = `${fixture.url}?sessionTimeoutMs=600000`
    const broker = await openBroker(url, { logger })
    await broker.publish(fixture.topic, [event('k', 0)])
    const victim = startMember(url, fixture.topic, 'all')
    await fixture.until(() => expect(victim.accepted).toHaveLength(1))
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, got.handler)
    const killedAt = performance.now()
    await victim.end('SIGKILL')
    await broker.publish(fixture.topic, [event('k', 1)])
    await fixture.until(() => expect(got.ids).toContain('k/1'))
    const tookMs = performance.now() - killedAt
    console.log(`embedded: next event ${tookMs.toFixed(0)} ms after the kill`)
    await broker.close()
  })

  test('a stopped consumer is replaced, and its late acknowledgement is not committed', async () => {
    const url = `${fixture.url}?sessionTimeoutMs=1000`
    const broker = await openBroker(url, { logger, partitions: 1 })
    const stopped = startMember(url, fixture.topic, 'all', { shortestMs: 1500, longestMs: 1500 })
    await broker.publish(fixture.topic, [event('k', 0), event('k', 1)])
    await fixture.until(() => expect(stopped.begun).toEqual(['k/0']))
    process.kill(stopped.pid, 'SIGSTOP')

    const taken: string[] = []
    const subscription = await broker.subscribe(
      { topic: fixture.topic, group: 'all' },
      (delivery) => {
        taken.push(idOf(delivery))
        return new Promise(() => {})
      },
    )
    expect(subscription.partitions).toEqual([])
    await fixture.until(() => expect(taken).toEqual(['k/0']))
    process.kill(stopped.pid, 'SIGCONT')
    await fixture.until(() => expect(stopped.accepted).toHaveLength(1))
    await stopped.end('SIGTERM')
    expect(stopped.begun).toEqual(['k/0'])
    await subscription.close({ drainMs: 0 })

    const after = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, after.handler)
    await fixture.until(() => expect(after.ids).toEqual(['k/0', 'k/1']))
    await broker.close()
  })

  test('an acknowledgement after the lease was lost is not committed', async () => {
    const broker = await fixture.open({ partitions: 1 })
    const store = openStore(fixture.url.slice('embedded:'.length))
    const groups = new Groups(store)
    const name = { topic: fixture.topic, group: 'all' }
    const alive = `${processName}-other`
    await broker.publish(fixture.topic, [event('k', 0)])
    const signals: AbortSignal[] = []
    // Nothing wakes the consumer between the loss of its lease and the acknowledgement.
    const subscription = await broker.subscribe(name, async (_delivery, { signal }) => {
      signals.push(signal)
      await store.write(() => groups.acquire(name, alive, groups.lease(name)))
    })
    await fixture.until(() => expect(subscription.partitions).toEqual([]))
    expect(signals).toHaveLength(1)
    expect(groups.committed(name, 0)).toBeUndefined()
    await subscription.close()
    expect(groups.lease(name).holder).toBe(alive)
    await store.close()
  })

  test('a consumer blocked for longer than its session checks its lease before it continues', async () => {
    const url = `${fixture.url}?sessionTimeoutMs=500`
    const broker = await openBroker(url, { logger, partitions: 1 })
    const store = openStore(fixture.url.slice('embedded:'.length))
    const groups = new Groups(store)
    const name = { topic: fixture.topic, group: 'all' }
    await broker.publish(fixture.topic, [event('k', 0), event('k', 1)])
    const begun: string[] = []
    let begunAtOnce: string[] | undefined
    let other: MemberProcess | undefined
    await broker.subscribe(name, async (delivery) => {
      begun.push(idOf(delivery))
      if (begun.length > 1) return
      other = startMember(url, fixture.topic, 'all')
      const blockedUntil = performance.now() + 10_000
      const { epoch } = groups.lease(name)
      while (groups.lease(name).epoch === epoch && performance.now() < blockedUntil) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
      }
      setImmediate(() => {
        begunAtOnce = [...begun]
      })
    })
    await fixture.until(() => expect(begunAtOnce).toEqual(['k/0']))
    await fixture.until(() => expect(other?.begun).toContain('k/0'))
    await broker.close()
    await store.close()
  })

  test('a standby takes over when the active consumer has drained, and nothing is handled twice', async () => {
    const first = await fixture.open()
    const second = await fixture.open()
    await first.publish(fixture.topic, interleaved(10, 1))
    let finish = () => {}
    const finishing = new Promise<void>((resolve) => {
      finish = resolve
    })
    let begun = 0
    const before = collector(async () => {
      begun += 1
      await finishing
    })
    const after = collector()
    const options = { topic: fixture.topic, group: 'all' }
    const active = await first.subscribe(options, before.handler)
    const standby = await second.subscribe(options, after.handler)
    await fixture.until(() => expect(begun).toBe(10))
    const closing = active.close()
    await second.publish(fixture.topic, interleaved(10, 1, 1))
    expect(standby.partitions).toEqual([])
    finish()
    await closing
    await fixture.until(() => expect(after.ids).toHaveLength(10))
    expect(standby.partitions).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect([...before.ids, ...after.ids].sort()).toEqual(interleaved(10, 2).map(idOf).sort())
  })

  test('of two consumers in one broker the second is on standby', async () => {
    const broker = await fixture.open()
    const options = { topic: fixture.topic, group: 'all' }
    const active = await broker.subscribe(options, collector().handler)
    const standby = await broker.subscribe(options, collector().handler)
    expect(active.partitions).toHaveLength(8)
    expect(standby.partitions).toEqual([])
    await active.close()
    await fixture.until(() => expect(standby.partitions).toHaveLength(8))
  })
})
