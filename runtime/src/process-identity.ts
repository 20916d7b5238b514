import { readFileSync } from 'node:fs'

/** A process of this machine; `startedAt` tells it from a later one that got the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks since boot, as a decimal; empty where the system does not tell. */
  readonly startedAt: string
}

/** This process. */
export const thisProcess: ProcessIdentity = Object.freeze({
  pid: process.pid,
  startedAt: startTime(process.pid) ?? '',
})

/** Whether that very process is alive. A zombie counts as dead. */
export function isAlive({ pid, startedAt }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it is there, but somebody else's.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  if (process.platform !== 'linux') return true
  const now = startTime(pid)
  return now !== undefined && (startedAt === '' || now === startedAt)
}

/** Whether the two are one process, not merely one pid. */
export function isSameProcess(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return one.pid === other.pid && one.startedAt === other.startedAt
}

/** Field 22 of /proc/PID/stat (proc(5)); undefined for a zombie or where there is none. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? undefined : rest[18]
  } catch {
    return undefined
  }
}
