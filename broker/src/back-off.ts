import { RetryLater } from './broker.js'

/** What `setTimeout` can wait at most. A longer time, or NaN, would make it fire at once. */
export const maxTimerMs = 2 ** 31 - 1

/**
 * How long to wait after `failures` (from 1) failed attempts, in milliseconds: exponential, at
 * most `maxMs`, with full jitter, so that those that failed together do not retry together.
 */
export function backOffMs(failures: number, baseMs: number, maxMs: number): number {
  return Math.random() * Math.min(maxMs, baseMs * 2 ** (failures - 1))
}

/**
 * How long an event waits after its handler has rejected it for the `attempt`th time, in milliseconds:
 * as long as a RetryLater asks for, else a back-off of 30 s at most.
 */
export function redeliveryDelayMs(error: unknown, attempt: number): number {
  if (!(error instanceof RetryLater)) return backOffMs(attempt, 200, 30_000)
  return Math.max(0, Math.min(error.retryAfterMs || 0, maxTimerMs))
}
