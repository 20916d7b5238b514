import type { HeraldError } from '@herald/proto/errors'

/** How long to wait for what may pass, in milliseconds from the first time it was met. */
const limits: Partial<Record<HeraldError['code'], number>> = {
  HERALD_BUSY: 60_000,
  HERALD_SHUTTING_DOWN: 15_000,
  // As long as a restart of the converter may take on a busy machine.
  HERALD_UNREACHABLE: 15_000,
  HERALD_DAMAGED_TRANSFER: 10_000,
}
const maxAttempts: Partial<Record<HeraldError['code'], number>> = { HERALD_DAMAGED_TRANSFER: 3 }

const firstWaitMs = 200
const longestWaitMs = 5_000

/** Decides, fault by fault, whether to try once more. */
export interface Patience {
  /** Milliseconds to wait before the next attempt; undefined: give up. */
  after(fault: HeraldError): number | undefined
}

/** The patience of one conversion. `now` is in milliseconds. */
export function createPatience(now: () => number = Date.now): Patience {
  const met = new Map<HeraldError['code'], { since: number; times: number }>()
  return {
    after(fault) {
      const limitMs = limits[fault.code]
      if (!fault.retryable || limitMs === undefined) return undefined
      const before = met.get(fault.code) ?? { since: now(), times: 0 }
      const times = before.times + 1
      met.set(fault.code, { since: before.since, times })
      if (times >= (maxAttempts[fault.code] ?? Number.POSITIVE_INFINITY)) return undefined
      const backOff = Math.min(longestWaitMs, firstWaitMs * 2 ** before.times)
      const wait = Math.ceil(backOff * (1 + Math.random() / 4))
      return now() - before.since + wait > limitMs ? undefined : wait
    },
  }
}
