import type { Waiting } from './job.js'

/**
 * The task to start next. A job that has a worker gets a second only when no other job waits; among
 * equals `Job.priority` decides.
 */
export function chooseTask(waiting: readonly Waiting[], onlyShort: boolean): Waiting | undefined {
  let best: Waiting | undefined
  for (const each of waiting) {
    if (onlyShort && !each.isShort) continue
    if (!best || comesBefore(each.job, best.job)) best = each
  }
  return best
}

function comesBefore(one: Waiting['job'], other: Waiting['job']): boolean {
  return one.running === other.running ? one.priority < other.priority : one.running < other.running
}
