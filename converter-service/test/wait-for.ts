import { vi } from 'vitest'

/** Waits until `condition` throws no more; long enough for a machine that does much else. */
export function waitFor<T>(condition: () => T | Promise<T>, intervalMs = 50): Promise<T> {
  return vi.waitFor(condition, { timeout: 60_000, interval: intervalMs })
}
