import type { Child } from './child.js'

/** A child of the pool and its state. */
export interface Member {
  readonly child: Child
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
  { child, retiring }: Member,
  { tasks, growthBytes }: Recycle,
): boolean {
  return !retiring && (child.tasks >= tasks || child.growthBytes > growthBytes)
}

/** Whether all replacements are ready, so that a retiring child may end. */
export function hasReplacements(
  members: Iterable<Member>,
  shortTasksOnly: boolean,
  children: number,
): boolean {
  const fresh = [...members].filter(
    (member) =>
      member.shortTasksOnly === shortTasksOnly && !member.retiring && member.state !== 'starting',
  )
  return fresh.length >= (shortTasksOnly ? 1 : children)
}
