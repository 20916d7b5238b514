import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import {
  collector,
  event,
  type Fixture,
  idOf,
  interleaved,
  keysOutOfOrder,
  pauseMeter,
  publishPersistently,
} from './fixture.js'
import { type Accepted, firstAcceptances, startMember } from './member-process.js'

export interface KillableServer {
  /** Kills it with SIGKILL and starts it again. */
  restart(): Promise<void>
  /** Resolves when it may be killed after a group was created. */
  beforeKill?(): Promise<void>
}

const keys = 100

/**
 * Tests of a driver whose server and members are killed and stopped. The fixture's URL has a session
 * of 2 s. Prints how long a key stood still.
 */
export function failureSuite(name: string, fixture: Fixture, server: KillableServer): void {
  test('5,000 events while the server is killed: none lost, none out of order', async () => {
    const rounds = 50
    const broker = await fixture.open()
    const pauses = pauseMeter()
    const got = collector()
    await broker.subscribe({ topic: fixture.topic, group: 'all' }, async (delivery, context) => {
      pauses.record(delivery.key)
      await got.handler(delivery, context)
    })
    await server.beforeKill?.()
    let restarting: Promise<void> | undefined
    let refused = 0
    for (let round = 0; round < rounds; round += 1) {
      // Not awaited: messages are under way when the server is killed.
      if (round === 20) restarting = server.restart()
      const messages = Array.from({ length: keys }, (_, key) => event(`k${key}`, round))
      refused += await publishPersistently(broker, fixture.topic, messages)
    }
    await restarting
    const wanted = interleaved(keys, rounds).map(idOf)
    await fixture.until(() => expect(got.seen.size).toBe(wanted.length))
    expect(got.seen).toEqual(new Set(wanted))
    expect(keysOutOfOrder(got.ids)).toEqual([])
    console.log(
      `${name}, server killed: 0 of ${wanted.length} lost, 0 out of order, ${got.ids.length - wanted.length} twice; publish refused ${refused} times; a key stood still for ${pauses.longestMs} ms at most`,
    )
  })

  test('a member that is killed, and one that is stopped and continues: nothing is lost', async () => {
    const broker = await fixture.open()
    let round = 0
    let loading = true
    const load = (async () => {
      while (loading) {
        await broker.publish(fixture.topic, interleaved(keys, 1, round))
        round += 1
        await wait(50)
      }
    })()
    const start = () => startMember(fixture.url, fixture.topic, 'all')
    const working = (member: ReturnType<typeof start>) => {
      const before = member.accepted.length
      return fixture.until(() => expect(member.accepted.length).toBeGreaterThan(before + 100))
    }
    const [first, second, third] = [start(), start(), start()]
    await Promise.all([working(first), working(second), working(third)])
    await first.end('SIGKILL')
    await Promise.all([working(second), working(third)])
    process.kill(second.pid, 'SIGSTOP')
    const events = round * keys
    // The other one gets all partitions: what was published meanwhile is handled.
    const accepted = () => [first, second, third].flatMap((member) => member.accepted)
    const seen = () => new Set(accepted().map(({ id }) => id))
    await fixture.until(() => {
      const ids = seen()
      expect(interleaved(keys, events / keys).filter((each) => !ids.has(idOf(each)))).toEqual([])
    })
    process.kill(second.pid, 'SIGCONT')
    await Promise.all([working(second), working(third)])
    loading = false
    await load
    const wanted = interleaved(keys, round).map(idOf)
    await fixture.until(() => expect(seen().size).toBe(wanted.length))
    const firsts = firstAcceptances(accepted())
    expect(keysOutOfOrder(firsts.map(({ id }) => id))).toEqual([])
    console.log(
      `${name}, a member killed, another stopped: 0 of ${wanted.length} lost, 0 out of order, ${accepted().length - wanted.length} handled twice; a key stood still for ${longestPauseMs(firsts)} ms at most (session: 2,000 ms)`,
    )
  }, 120_000)
}

/** The longest time between two events of a key that were handled for the first time. */
function longestPauseMs(firsts: readonly Accepted[]): number {
  const lastAt = new Map<string | null, number>()
  let longest = 0
  for (const { key, at } of firsts) {
    longest = Math.max(longest, at - (lastAt.get(key) ?? at))
    lastAt.set(key, at)
  }
  return Math.round(longest / 1e6)
}
