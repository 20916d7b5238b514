import type { QueuedTask } from './job.js'

/**
 * The task to start next. A job that has a worker gets a second only when no other job waits; among
 * these `Job.priority` decides.
 */
export function chooseTask(
  waiting: readonly QueuedTask[],
  onlyShort: boolean,
): QueuedTask | undefined {
  let best: QueuedTask | undefined
  for (const each of waiting) {
    if (onlyShort && !each.isShort) continue
    if (!best || comesBefore(each.job, best.job)) best = each
  }
  return best
}

function comesBefore(one: QueuedTask['job'], other: QueuedTask['job']): boolean {
  return one.running === other.running ? one.priority < other.priority : one.running < other.running
}
