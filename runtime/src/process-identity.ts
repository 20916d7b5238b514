import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** A process; `startedAt` and `scope` distinguish it from others with the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks from boot to its start, as a decimal; empty if the system does not report it. */
  readonly startedAt: string
  /** `machine.boot.namespace`, in which the pid is unique. Absent in records of older versions. */
  readonly scope?: string
}

/** `unknown`: this process cannot see it, because it runs, or ran, on another machine or in another container. */
export type ProcessState = 'running' | 'ended' | 'unknown'

const scope = [
  shortHash(readText('/etc/machine-id') + hostname()),
  shortHash(readText('/proc/sys/kernel/random/boot_id')),
  pidNamespace(),
].join('.')

/** This process. */
export const thisProcess: ProcessIdentity = Object.freeze({
  pid: process.pid,
  startedAt: startTime(process.pid) ?? '',
  scope,
})

/** Whether that process runs. A zombie has ended, and so has a process from before the last boot. */
export function processState(identity: ProcessIdentity): ProcessState {
  const { scope: other = scope } = identity
  if (other === scope) return isPidInUse(identity) ? 'running' : 'ended'
  const [machine, boot] = scope.split('.')
  const [otherMachine, otherBoot] = other.split('.')
  return machine === otherMachine && boot !== otherBoot ? 'ended' : 'unknown'
}

/** Whether that process is known to run. */
export const isProcessRunning = (identity: ProcessIdentity): boolean =>
  processState(identity) === 'running'

/** Whether both are the same process, not only the same pid. */
export function isSameProcess(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return (
    one.pid === other.pid &&
    one.startedAt === other.startedAt &&
    (one.scope ?? scope) === (other.scope ?? scope)
  )
}

/** This process, as part of a file name. */
export const processName = `${scope}-${thisProcess.pid}-${thisProcess.startedAt}`

/** A regular expression for `processName`. */
export const processNamePattern = '[0-9a-f]{8}\\.[0-9a-f]{8}\\.\\d+-\\d+-\\d*'

/** The process with that `processName`. */
export function parseProcessName(name: string): ProcessIdentity {
  const [scope = '', pid, startedAt = ''] = name.split('-')
  return { scope, pid: Number(pid), startedAt }
}

/** Whether a process of this machine and namespace has that pid and start. */
function isPidInUse({ pid, startedAt }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it runs, but belongs to another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  if (process.platform !== 'linux') return true
  const now = startTime(pid)
  return now !== undefined && (startedAt === '' || now === startedAt)
}

/** Field 22 of /proc/PID/stat (proc(5)); undefined for a zombie or if there is no such process. */
function startTime(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return state === 'Z' || state === 'X' ? undefined : rest[18]
}

/** The inode number of the PID namespace (namespaces(7)); 0 if the system has none. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0'
  } catch {
    return '0'
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** Short enough for a file name, and does not reveal the machine's id or name. */
function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}
