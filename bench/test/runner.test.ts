import { describe, expect, test } from 'vitest'
import type { Comparison } from '#src/bench'
import { absentLine, isInstallable, type Line } from '#src/line'
import { compare, met, percentile } from '#src/rounds'
import { runBench } from '#src/run-bench'

const comparison = (figures: { ours: () => number; theirs: () => number }): Comparison => ({
  rival: 'a rival',
  rivalGuarantees: 'none',
  unit: 'ms',
  floor: { atMost: 1.2 },
  goal: { atMost: 1.1 },
  ours: async () => figures.ours(),
  theirs: async () => figures.theirs(),
})

const run = async (bench: Parameters<typeof runBench>[0], { short = true } = {}) => {
  const lines: Line[] = []
  const options = { short, log: () => {}, versions: {} }
  await runBench(bench, { ...options, onLine: (line) => lines.push(line) })
  return lines
}

describe('a comparison', () => {
  test('measures both in turn, each first as often, after a warm-up', async () => {
    const order: string[] = []
    const record = (who: string) => () => order.push(who)
    await compare(comparison({ ours: record('o'), theirs: record('t') }), 4)
    expect(order.join('')).toBe('ot' + 'ot' + 'to' + 'ot' + 'to')
  })

  test('compares within a round, so that load in another round does not matter', async () => {
    let round = 0
    const slow = () => (round++ % 2 === 0 ? 100 : 10)
    let last = 1
    const { ratio, spread } = await compare(
      comparison({ ours: () => 2 * last, theirs: () => (last = slow()) }),
      9,
    )
    expect(ratio).toBeLessThan(21)
    expect(spread[0]).toBeLessThanOrEqual(ratio)
    expect(spread[1]).toBeGreaterThanOrEqual(ratio)
  })

  test('meets its goal, its floor, or neither', () => {
    const of = comparison({ ours: () => 0, theirs: () => 0 })
    expect([1.05, 1.15, 1.3].map((ratio) => met(ratio, of))).toEqual(['goal', 'floor', 'none'])
    const more = { ...of, floor: { atLeast: 0.8 }, goal: { atLeast: 0.9 } }
    expect([0.95, 0.85, 0.7].map((ratio) => met(ratio, more))).toEqual(['goal', 'floor', 'none'])
  })
})

test('percentiles are interpolated', () => {
  expect(percentile([4, 1, 3, 2], 50)).toBe(2.5)
  expect(percentile([7], 90)).toBe(7)
})

describe('a bench', () => {
  const frame = { name: 'made up', about: '', guarantees: 'none' }

  test('continues after a comparison that failed, and closes what it opened in reverse order', async () => {
    const closed: string[] = []
    const lines = await run({
      ...frame,
      async open({ defer }) {
        defer(() => closed.push('first'))
        defer(() => closed.push('second'))
        const broken = () => {
          throw new Error('it failed')
        }
        return [
          comparison({ ours: broken, theirs: () => 1 }),
          comparison({ ours: () => 1, theirs: () => 1 }),
          { rival: 'another', absent: 'not installed' },
        ]
      },
    })
    expect(lines[0]?.error).toContain('it failed')
    expect(lines[1]).toMatchObject({ bench: 'made up', rival: 'a rival', ratio: 1, met: 'goal' })
    expect(lines[2]).toEqual(
      absentLine({ ...frame, open: async () => [] }, { rival: 'another', absent: 'not installed' }),
    )
    expect(closed).toEqual(['second', 'first'])
  })

  test('has at least five rounds, and one in a short run', async () => {
    let times = 0
    const few = { ...comparison({ ours: () => ++times, theirs: () => 1 }), rounds: 2 }
    const bench = { ...frame, open: async () => [few] }
    expect((await run(bench, { short: false }))[0]).toMatchObject({ rounds: 5 })
    expect(times).toBe(1 + 5)
    expect((await run(bench))[0]).toMatchObject({ rounds: 1 })
    expect(times).toBe(1 + 5 + 1)
  })

  test('is incomplete without a rival that could be installed, and complete without one that could not', async () => {
    const lines = await run({
      ...frame,
      open: async () => [
        { rival: 'one', absent: 'not installed' },
        { rival: 'another', absent: 'cannot be installed', notInstallable: true },
        comparison({ ours: () => 1, theirs: () => 1 }),
      ],
    })
    expect(lines.map(isInstallable)).toEqual([true, false, false])
  })

  test('that cannot be opened reports an error', async () => {
    const lines = await run({ ...frame, open: () => Promise.reject(new Error('disk full')) })
    expect(lines[0]?.error).toContain('disk full')
  })
})
