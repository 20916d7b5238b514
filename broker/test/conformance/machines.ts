import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { type Fixture, idOf, interleaved } from './fixture.js'
import { startMember } from './member-process.js'

/** Runs a command in namespaces of its own, where the host is named `machine` and process ids begin at 1. */
const machine = [
  'unshare',
  ...['--user', '--map-root-user', '--uts', '--ipc', '--pid', '--fork', '--kill-child'],
  ...['sh', '-c', 'hostname machine && exec "$@"', 'sh'],
]

const keys = 50

/** Members that differ neither in host name nor in process id, and do not see each other's process. */
export function machinesCase(fixture: Fixture): void {
  test('members in separate namespaces, as on several machines, divide the events', async ({
    skip,
  }) => {
    const [program = '', ...args] = [...machine, 'true']
    const { status, error, stderr } = spawnSync(program, args)
    if (status !== 0) {
      skip(`no namespaces here: ${error?.message ?? stderr.toString().trim()}`)
    }
    const broker = await fixture.open()
    if (!broker.features.severalMachines) {
      // A folder of one machine. Whatever has a server can serve several.
      expect(fixture.url).toMatch(/^embedded:/)
      return
    }
    await broker.createTopic(fixture.topic)
    const start = () => startMember(fixture.url, fixture.topic, 'all', {}, machine)
    const members = [start(), start()]
    await fixture.until(() => expect(members.every(({ ready }) => ready)).toBe(true))
    let rounds = 0
    const publish = async () => {
      await broker.publish(fixture.topic, interleaved(keys, 1, rounds))
      rounds += 1
    }
    await fixture.until(async () => {
      await publish()
      for (const { accepted } of members) expect(accepted.length).toBeGreaterThan(2 * keys)
    })
    const before = members.map(({ accepted }) => accepted.length)
    for (let more = 0; more < 10; more += 1) await publish()
    const wanted = interleaved(keys, rounds).map(idOf).sort()
    const ids = () => members.flatMap(({ accepted }) => accepted.map(({ id }) => id))
    await fixture.until(() => expect([...new Set(ids())].sort()).toEqual(wanted))
    // Both took a share; a rebalance may repeat some events, not most of them.
    const shares = members.map(({ accepted }, index) => accepted.length - (before[index] ?? 0))
    for (const share of shares) expect(share).toBeGreaterThan(0)
    expect(ids().length).toBeLessThan(1.5 * wanted.length)
  })
}
