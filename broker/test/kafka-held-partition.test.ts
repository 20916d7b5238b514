import { expect, test } from 'vitest'
import { type FetchedBatch, HeldPartition } from '#src/drivers/kafka/held-partition'
import { SubscriptionLimits } from '#src/subscription-limits'
import { laneEvent, manualHandler } from './manual-handler.js'

/** Events of different keys at these offsets; the log ends at `highWatermark`. */
function batch(offsets: number[], rest: Partial<FetchedBatch> = {}): FetchedBatch {
  const nextOffset = BigInt((offsets.at(-1) ?? -1) + 1)
  const events = offsets.map((offset) => laneEvent(offset, `key ${offset}`))
  return { events, nextOffset, highWatermark: 1000n, ...rest }
}

function holdPartition({ maxBuffered = 100 } = {}) {
  const control = manualHandler()
  const limits = new SubscriptionLimits({ maxBuffered })
  return { ...control, partition: new HeldPartition({ ...control, limits }) }
}

test('events for which there is no room wait, and fetching resumes after the last of them', async () => {
  const { partition, acknowledge, calls } = holdPartition({ maxBuffered: 2 })
  expect(partition.take(batch([0, 1, 2]))).toBe('full')
  expect(partition.isFetching).toBe(false)
  expect(partition.refill()).toBe(false)
  expect(partition.take(batch([3]))).toBe('refused')
  await acknowledge(0)
  partition.markCommitted(1n)
  expect(partition.refill()).toBe(true)
  expect(calls).toEqual(['0#1', '1#1', '2#1'])
  expect(partition.nextFetchOffset).toBe(3n)
})

test('control records after the last event are committed with it', async () => {
  const { partition, acknowledge } = holdPartition()
  partition.take(batch([4, 5], { nextOffset: 7n }))
  expect(partition.due).toBeUndefined()
  await acknowledge(4)
  expect(partition.due).toBe(5n)
  await acknowledge(5)
  expect(partition.due).toBe(7n)
  partition.markCommitted(7n)
  expect(partition.due).toBeUndefined()
  partition.skipTo(9n)
  expect(partition.due).toBe(9n)
})

test('a member that stays continues after what it has fetched, whether or not it was delivered', () => {
  const { partition } = holdPartition({ maxBuffered: 1 })
  expect(partition.nextFetchOffset).toBeUndefined()
  partition.take(batch([0, 1, 2]))
  expect(partition.state).toEqual({ nextOffset: 1n, committed: undefined, buffered: 1 })
  expect(partition.nextFetchOffset).toBe(3n)
})

test('a new membership gets new lanes once the handlers have ended', async () => {
  const { partition, acknowledge, calls } = holdPartition()
  partition.take(batch([0, 1, 2]))
  await acknowledge(0)
  const ready = partition.drainAndRestart()
  expect(partition.take(batch([1, 2]))).toBe('refused')
  expect(partition.due).toBeUndefined()
  await acknowledge(1)
  await acknowledge(2)
  await ready
  expect(partition.refill()).toBe(true)
  // Kafka did not get the commit, and delivers from its offset on.
  expect(partition.take(batch([0, 1, 2]))).toBe('taken')
  expect(calls).toEqual(['0#1', '1#1', '2#1'])
  expect(partition.due).toBe(3n)
})

test('a restart while handlers of an earlier membership end delivers everything again', async () => {
  const { partition, acknowledge, calls, signals } = holdPartition()
  partition.take(batch([0, 1]))
  await acknowledge(0)
  const ready = partition.drainAndRestart()
  partition.reset()
  await ready
  expect(signals.get('1')?.aborted).toBe(true)
  expect(partition.take(batch([0, 1]))).toBe('taken')
  expect(calls).toEqual(['0#1', '1#1', '0#1', '1#1'])
})

test('a topic that was deleted and created again is read from its start', async () => {
  const { partition, acknowledge, calls } = holdPartition()
  partition.take(batch([40, 41]))
  await acknowledge(40)
  partition.markCommitted(41n)
  expect(partition.take(batch([0], { highWatermark: 1n }))).toBe('taken')
  expect(calls).toEqual(['40#1', '41#1', '0#1'])
  expect(partition.state).toEqual({ nextOffset: 1n, committed: undefined, buffered: 1 })
  await acknowledge(41)
  expect(partition.due).toBeUndefined()
  await acknowledge(0)
  expect(partition.due).toBe(1n)
})

test('a committed offset that has disappeared is reported, unless it changed after the request', () => {
  const { partition } = holdPartition()
  const before = partition.state
  expect(partition.recordCommitted(before, -1n)).toBe(false)
  expect(partition.recordCommitted(before, 5n)).toBe(false)
  expect(partition.state.committed).toBe(5n)
  expect(partition.recordCommitted(before, -1n)).toBe(false)
  expect(partition.recordCommitted(partition.state, -1n)).toBe(true)
})

test('a partition that is lost delivers and commits nothing more', async () => {
  const { partition, acknowledge, calls, signals } = holdPartition({ maxBuffered: 1 })
  partition.take(batch([0, 1]))
  const ready = partition.drainAndRestart()
  partition.revoke()
  await ready
  expect(signals.get('0')?.aborted).toBe(true)
  await acknowledge(0)
  expect(partition.refill()).toBe(false)
  expect(partition.take(batch([1]))).toBe('refused')
  expect(partition.due).toBeUndefined()
  expect(calls).toEqual(['0#1'])
})
