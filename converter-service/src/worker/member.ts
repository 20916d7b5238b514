import type { Worker } from './worker.js'

/** A child of the pool and its state. */
export interface Member {
  readonly worker: Worker
  /** Used only while all others are busy. */
  readonly shortTasksOnly: boolean
  state: 'starting' | 'idle' | 'busy' | 'gone'
  /** Ends as soon as its replacement is ready; works until then. */
  retiring: boolean
}

/** When a child is replaced. */
export interface Recycle {
  readonly tasks: number
  readonly growthBytes: number
}

export function needsReplacement(
  { worker, retiring }: Member,
  { tasks, growthBytes }: Recycle,
): boolean {
  return !retiring && (worker.tasks >= tasks || worker.growthBytes > growthBytes)
}

/** Whether all replacements are ready, so that a retiring child may end. */
export function hasReplacements(
  members: Iterable<Member>,
  shortTasksOnly: boolean,
  workers: number,
): boolean {
  const fresh = [...members].filter(
    (member) =>
      member.shortTasksOnly === shortTasksOnly && !member.retiring && member.state !== 'starting',
  )
  return fresh.length >= (shortTasksOnly ? 1 : workers)
}
