/**
 * How long to wait after `failures` (from 1) failed attempts, in milliseconds: exponential, with
 * a cap and full jitter, so that many that failed together do not retry together.
 */
export function backOffMs(failures: number, baseMs: number, capMs: number): number {
  return Math.random() * Math.min(capMs, baseMs * 2 ** (failures - 1))
}
