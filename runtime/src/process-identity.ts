import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** A process; `startedAt` and `scope` tell it from others with the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks since boot, as a decimal; empty where the system does not tell. */
  readonly startedAt: string
  /** `machine.boot.namespace`: where the pid means this process. Absent in records of before it was kept. */
  readonly scope?: string
}

/** `unknown`: it runs, or ran, where this process cannot look: on another machine, in another container. */
export type ProcessState = 'alive' | 'dead' | 'unknown'

const scope = [
  digest(readText('/etc/machine-id') + hostname()),
  digest(readText('/proc/sys/kernel/random/boot_id')),
  pidNamespace(),
].join('.')

/** This process. */
export const thisProcess: ProcessIdentity = Object.freeze({
  pid: process.pid,
  startedAt: startTime(process.pid) ?? '',
  scope,
})

/** Whether that very process runs. A zombie is dead; so is what ran here before the last boot. */
export function processState(identity: ProcessIdentity): ProcessState {
  const { scope: other = scope } = identity
  if (other === scope) return isRunning(identity) ? 'alive' : 'dead'
  const [machine, boot] = scope.split('.')
  const [otherMachine, otherBoot] = other.split('.')
  return machine === otherMachine && boot !== otherBoot ? 'dead' : 'unknown'
}

/** Whether that very process is known to be alive. */
export const isAlive = (identity: ProcessIdentity): boolean => processState(identity) === 'alive'

/** Whether the two are one process, not merely one pid. */
export function isSameProcess(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return (
    one.pid === other.pid &&
    one.startedAt === other.startedAt &&
    (one.scope ?? scope) === (other.scope ?? scope)
  )
}

/** This process as a part of a file's name. */
export const processName = `${scope}-${thisProcess.pid}-${thisProcess.startedAt}`

/** What `processName` looks like. */
export const processNamePattern = '[0-9a-f]{8}\\.[0-9a-f]{8}\\.\\d+-\\d+-\\d*'

/** The process of that name. */
export function parseProcessName(name: string): ProcessIdentity {
  const [scope = '', pid, startedAt = ''] = name.split('-')
  return { scope, pid: Number(pid), startedAt }
}

function isRunning({ pid, startedAt }: ProcessIdentity): boolean {
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

/** Field 22 of /proc/PID/stat (proc(5)); undefined for a zombie or where there is none. */
function startTime(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return state === 'Z' || state === 'X' ? undefined : rest[18]
}

/** The inode number of the PID namespace (namespaces(7)); 0 where there are none. */
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

/** Short enough for a file's name; neither a machine's id nor its name is written anywhere. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}
