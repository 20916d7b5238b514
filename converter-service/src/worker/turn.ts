import type { Forecast, Waiting } from './job.js'

/** What takes no longer than this, for sure, may pass by long tasks. */
const shortMs = 500

function isShort({ ms, sure }: Forecast): boolean {
  return sure && ms <= shortMs
}

/**
 * Whose turn it is. A job that has a worker gets a second only when no other waits; among equals
 * it is what is small and what has waited, see `Job.turn`.
 */
export function chooseTask(waiting: readonly Waiting[], onlyShort: boolean): Waiting | undefined {
  let best: Waiting | undefined
  for (const each of waiting) {
    if (onlyShort && !isShort(each.forecast)) continue
    if (!best || comesBefore(each.job, best.job)) best = each
  }
  return best
}

function comesBefore(one: Waiting['job'], other: Waiting['job']): boolean {
  return one.running === other.running ? one.turn < other.turn : one.running < other.running
}
