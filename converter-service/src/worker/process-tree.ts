import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** What a process and all that it spawned use. */
export interface TreeUsage {
  /** Processor time since the process began, that of its children who ended included. */
  readonly cpuMs: number
  /** Resident now. */
  readonly residentBytes: number
  /** The most the process itself held since `resetPeak`; what it spawned is not in it. */
  readonly peakBytes: number
}

/** proc(5): fields of `stat` are in ticks of USER_HZ, which is 100 on every Linux that Node runs on. */
const tickMs = 10

/** Reads it from /proc; undefined where there is none, or the process is gone. */
export function readTree(pid: number): TreeUsage | undefined {
  try {
    let cpuMs = 0
    let residentBytes = 0
    for (const each of treeOf(pid)) {
      cpuMs += cpuOf(each)
      residentBytes += sizeIn(readFileSync(`/proc/${each}/status`, 'latin1'), 'VmRSS')
    }
    const peakBytes = sizeIn(readFileSync(`/proc/${pid}/status`, 'latin1'), 'VmHWM')
    return { cpuMs, residentBytes, peakBytes }
  } catch {
    return undefined
  }
}

/** Forgets the peak so far: proc(5), clear_refs. Where that is not permitted the peak stays. */
export function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {}
}

/** A process may end between two reads: then it, or what it spawned, is missing from the list. */
function treeOf(pid: number): number[] {
  const found = [pid]
  for (let at = 0; at < found.length; at++) {
    const task = `/proc/${found[at]}/task`
    try {
      for (const thread of readdirSync(task)) {
        const children = readFileSync(`${task}/${thread}/children`, 'latin1')
        found.push(...children.split(' ').filter(Boolean).map(Number))
      }
    } catch {}
  }
  return found
}

function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // utime, stime, and both of the children that were waited for.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * tickMs
}

function sizeIn(status: string, name: string): number {
  const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]
  return Number(kibibytes ?? 0) * 1024
}
