import { silentLogger } from '@herald/runtime'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Member, MemberEvents } from '../src/drivers/kafka/member.js'
import { Membership } from '../src/drivers/kafka/membership.js'
import type { Partitions } from '../src/drivers/kafka/partitions.js'

test('members that crash soon after they have joined are replaced after longer and longer waits', async () => {
  const createdAtMs: number[] = []
  const create = ({ assigned, crashed }: MemberEvents) => {
    createdAtMs.push(performance.now())
    const start = async () => {
      assigned({ memberId: 'member', partitions: [] })
      setImmediate(() => crashed(new Error('getaddrinfo EAI_AGAIN kafka-2')))
    }
    return { start, leave: async () => {}, sinceHeartbeatMs: 0 } as unknown as Member
  }
  const membership = new Membership({
    create,
    partitions: { assign() {}, unassign() {} } as unknown as Partitions,
    sessionTimeoutMs: 10_000,
    logger: silentLogger,
    onAssigned() {},
    onSession() {},
  })
  onTestFinished(() => membership.leave())
  await membership.join(10_000)
  await vi.waitUntil(() => createdAtMs.length >= 4, { timeout: 60_000 })
  const waitsMs = createdAtMs.slice(1).map((at, index) => at - (createdAtMs[index] ?? 0))
  // The clock of timers may be a millisecond early.
  for (const [index, least] of [99, 199, 499].entries()) {
    expect(waitsMs[index]).toBeGreaterThan(least)
  }
})
