import { HeraldError } from '@herald/proto/errors'
import { describe, expect, test } from 'vitest'
import { createRetryPolicy } from '#src/retry-policy'

function clock() {
  let at = 0
  return { now: () => at, pass: (ms: number) => (at += ms) }
}

/** The waits until it gives up. */
function waits(error: HeraldError, eachAttemptMs = 0): number[] {
  const { now, pass } = clock()
  const policy = createRetryPolicy(now)
  const seen: number[] = []
  for (;;) {
    const wait = policy.delayFor(error)
    if (wait === undefined) return seen
    seen.push(wait)
    pass(wait + eachAttemptMs)
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)

describe('the policy with a fault', () => {
  test('of a converter that is full lasts a minute, ever longer between two attempts', () => {
    const seen = waits(new HeraldError('HERALD_BUSY', 'full'))
    expect(sum(seen)).toBeLessThanOrEqual(60_000)
    expect(sum(seen)).toBeGreaterThan(45_000)
    expect(seen[0]).toBeLessThanOrEqual(250)
    expect(Math.max(...seen)).toBeLessThanOrEqual(6_250)
  })

  test('of a converter that is away lasts fifteen seconds, its slow answers included', () => {
    const error = new HeraldError('HERALD_UNREACHABLE', 'away')
    expect(sum(waits(error))).toBeLessThanOrEqual(15_000)
    expect(waits(error, 14_900)).toHaveLength(1)
  })

  test('of a damaged transfer ends with the third attempt', () => {
    expect(waits(new HeraldError('HERALD_DAMAGED_TRANSFER', 'damaged'))).toHaveLength(2)
  })

  test('does not retry if the same attempt would fail again', () => {
    expect(waits(new HeraldError('HERALD_CORRUPT_FILE', 'broken'))).toEqual([])
  })
})
