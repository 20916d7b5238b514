import { LeaseWatch } from '@herald/runtime/postgres'
import { expect, test } from 'vitest'

function watch() {
  let nowMs = 0
  const seen = new LeaseWatch(5_000, () => nowMs)
  return {
    /** The names of holders that are gone, at that time. */
    async at(ms: number, versions: Readonly<Record<string, string>>, leaseMs = 10_000) {
      nowMs = ms
      const rows = Object.entries(versions).map(([name, version]) => ({ name, version, leaseMs }))
      return (await seen.findGone(async () => rows)).map(({ name }) => name)
    },
  }
}

test('a holder is gone when its row has not changed for its lease, whatever it was before', async () => {
  const { at } = watch()
  for (const ms of [0, 4_000, 8_000])
    expect(await at(ms, { still: '1', live: `${ms}` })).toEqual([])
  expect(await at(10_000, { still: '1', live: '9' })).toEqual(['still'])
  // It was only stopped, and continues.
  expect(await at(12_000, { still: '2', live: '10' })).toEqual([])
})

test('each holder has the lease that its row names', async () => {
  const { at } = watch()
  await at(0, { long: '1' }, 60_000)
  for (const ms of [5_000, 10_000]) expect(await at(ms, { long: '1' }, 60_000)).toEqual([])
})

test('after a time in which the rows could not be read every holder gets its lease again', async () => {
  const { at } = watch()
  await at(0, { one: '1' })
  expect(await at(60_000, { one: '1' })).toEqual([])
  expect(await at(65_000, { one: '1' })).toEqual([])
  expect(await at(70_000, { one: '1' })).toEqual(['one'])
})

test('the time in which the rows are read does not count', async () => {
  let nowMs = 0
  const leases = new LeaseWatch(5_000, () => nowMs)
  const readFor = (ms: number) =>
    leases.findGone(async () => {
      nowMs += ms
      return [{ name: 'one', version: '1', leaseMs: 4_000 }]
    })
  await readFor(4_000)
  expect(await readFor(4_000)).toEqual([])
  expect(await readFor(0)).toHaveLength(1)
})
