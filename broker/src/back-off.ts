/**
 * How long to wait after `failures` (from 1) failed attempts, in milliseconds: exponential, with
 * a cap and full jitter, so that many who failed together do not come back together.
 */
export function backOffMs(failures: number, baseMs: number, capMs: number): number {
  return Math.random() * Math.min(capMs, baseMs * 2 ** (failures - 1))
}
