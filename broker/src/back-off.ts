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
 * How long to wait after a handler has rejected an event for the `attempt`th time, in milliseconds:
 * what a RetryLater asks for, else the back-off.
 */
export function retryDelayMs(
  error: unknown,
  attempt: number,
  { baseMs, maxMs }: { readonly baseMs: number; readonly maxMs: number },
): number {
  if (!(error instanceof RetryLater)) return backOffMs(attempt, baseMs, maxMs)
  return Math.max(0, Math.min(error.retryAfterMs || 0, maxTimerMs))
}
