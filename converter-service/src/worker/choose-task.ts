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
  for (const queued of waiting) {
    if (onlyShort && !queued.isShort) continue
    if (!best || comesBefore(queued.job, best.job)) best = queued
  }
  return best
}

function comesBefore(one: QueuedTask['job'], other: QueuedTask['job']): boolean {
  return one.running === other.running ? one.priority < other.priority : one.running < other.running
}
