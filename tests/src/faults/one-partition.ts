import { murmur2 } from '@herald/broker/drivers/kafka/partitioner'
import { makeEvent, makeEvents, people, type TestEvent } from './events.js'
import { type Random, whole } from './seeded.js'

/** For topics that are created at first use. */
const partitions = 8

/** Addresses whose events are in one partition. */
export function samePartition(count: number): string[] {
  return people(2 * count * partitions)
    .filter((address) => (murmur2(Buffer.from(address)) & 0x7fffffff) % partitions === 0)
    .slice(0, count)
}

/** `count` events to others, and among the first half of them `mails` to `one`. */
export function withOne(
  random: Random,
  count: number,
  others: readonly string[],
  one: string,
  mails: number,
): TestEvent[] {
  const events = makeEvents(count, others, random)
  const indexes = Array.from({ length: mails }, () => whole(random, count / 2)).sort(
    (earlier, later) => later - earlier,
  )
  for (const [index, at] of indexes.entries())
    events.splice(at, 0, makeEvent(one, mails - 1 - index))
  return events
}
