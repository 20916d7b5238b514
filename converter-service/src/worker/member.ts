import type { Worker } from './worker.js'

/** A child of the pool, and what it is at. */
export interface Member {
  readonly worker: Worker
  /** Takes short tasks only, and only while all others are busy. */
  readonly express: boolean
  state: 'starting' | 'idle' | 'busy' | 'gone'
  /** Makes room as soon as a fresh one is there; works on until then. */
  retiring: boolean
}

/** When a child has done its part. */
export interface Recycle {
  readonly tasks: number
  readonly growthBytes: number
}

export function isWorn({ worker, retiring }: Member, { tasks, growthBytes }: Recycle): boolean {
  return !retiring && (worker.tasks >= tasks || worker.growthBytes > growthBytes)
}

/** Whether there are as many fresh ones as there should be, so that the others may go. */
export function hasFresh(members: Iterable<Member>, express: boolean, workers: number): boolean {
  const fresh = [...members].filter(
    (member) => member.express === express && !member.retiring && member.state !== 'starting',
  )
  return fresh.length >= (express ? 1 : workers)
}
