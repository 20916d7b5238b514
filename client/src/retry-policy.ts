import type { HeraldError } from '@herald/proto/errors'

/** How long a conversion keeps trying, by error code; any other error is final. */
const maxTryingMs: Partial<Record<HeraldError['code'], number>> = {
  HERALD_BUSY: 60_000,
  HERALD_SHUTTING_DOWN: 15_000,
  // As long as a restart of the converter may take on a busy machine.
  HERALD_UNREACHABLE: 15_000,
  HERALD_DAMAGED_TRANSFER: 10_000,
}
const maxAttempts: Partial<Record<HeraldError['code'], number>> = { HERALD_DAMAGED_TRANSFER: 3 }

const firstWaitMs = 200
const maxWaitMs = 5_000

/** Decides after each failed attempt of one conversion whether to try again. */
export interface RetryPolicy {
  /** Milliseconds to wait before the next attempt; undefined: give up. */
  delayFor(error: HeraldError): number | undefined
}

/** For one conversion. `now` is in milliseconds. */
export function createRetryPolicy(now: () => number = () => performance.now()): RetryPolicy {
  const failures = new Map<HeraldError['code'], { sinceMs: number; count: number }>()
  return {
    delayFor(error) {
      const limitMs = maxTryingMs[error.code]
      if (!error.retryable || limitMs === undefined) return undefined
      const before = failures.get(error.code) ?? { sinceMs: now(), count: 0 }
      const count = before.count + 1
      failures.set(error.code, { sinceMs: before.sinceMs, count })
      if (count >= (maxAttempts[error.code] ?? Number.POSITIVE_INFINITY)) return undefined
      const backOffMs = Math.min(maxWaitMs, firstWaitMs * 2 ** before.count)
      const waitMs = Math.ceil(backOffMs * (1 + Math.random() / 4))
      return now() - before.sinceMs + waitMs > limitMs ? undefined : waitMs
    },
  }
}
