import type { QueuedTask } from './task-group.js'

/**
 * The task to start next. A conversion that has a child gets a second one only when no other waits;
 * among these `TaskGroup.priority` decides.
 */
export function chooseTask(
  waiting: readonly QueuedTask[],
  onlyShort: boolean,
): QueuedTask | undefined {
  let best: QueuedTask | undefined
  for (const queued of waiting) {
    if (onlyShort && !queued.isShort) continue
    if (!best || comesBefore(queued.group, best.group)) best = queued
  }
  return best
}

function comesBefore(one: QueuedTask['group'], other: QueuedTask['group']): boolean {
  return one.running === other.running ? one.priority < other.priority : one.running < other.running
}
