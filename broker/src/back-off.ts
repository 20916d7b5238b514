/**
 * How long to wait after `failures` (from 1) failed attempts, in milliseconds: exponential, at
 * most `maxMs`, with full jitter, so that those that failed together do not retry together.
 */
export function backOffMs(failures: number, baseMs: number, maxMs: number): number {
  return Math.random() * Math.min(maxMs, baseMs * 2 ** (failures - 1))
}
