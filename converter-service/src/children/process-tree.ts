import { closeSync, openSync, readdirSync, readSync, writeFileSync } from 'node:fs'

/** What a process uses, or a process and all that it spawned. */
export interface ProcessUsage {
  /** Processor time since the process began, that of its children who ended included. */
  readonly cpuMs: number
  /** Resident now. */
  readonly residentBytes: number
  /** The peak of the process alone since `resetPeak`. */
  readonly peakBytes: number
}

/** proc(5): fields of `stat` are in ticks of USER_HZ, which is 100 on every Linux that Node runs on. */
const tickMs = 10

/** The process and all that it spawned, from /proc; undefined without /proc, or if the process is gone. */
export function readTree(pid: number): ProcessUsage | undefined {
  const own = readProcess(pid)
  if (!own) return undefined
  let { cpuMs, residentBytes } = own
  for (const each of descendantsOf(pid)) {
    const usage = readProcess(each)
    cpuMs += usage?.cpuMs ?? 0
    residentBytes += usage?.residentBytes ?? 0
  }
  return { cpuMs, residentBytes, peakBytes: own.peakBytes }
}

/** The process alone, without those of its children that are still there: a tenth of the work. */
export function readProcess(pid: number): ProcessUsage | undefined {
  try {
    const status = read(`/proc/${pid}/status`)
    return {
      cpuMs: cpuIn(read(`/proc/${pid}/stat`)),
      residentBytes: sizeIn(status, 'VmRSS'),
      peakBytes: sizeIn(status, 'VmHWM'),
    }
  } catch {
    return undefined
  }
}

/** Resets the peak: proc(5), clear_refs. Does nothing if that is not permitted. */
export function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {}
}

/** A process may end between two reads: then it, or what it spawned, is missing from the list. */
function descendantsOf(pid: number): number[] {
  const found = [pid]
  for (let at = 0; at < found.length; at++) {
    const task = `/proc/${found[at]}/task`
    try {
      for (const thread of readdirSync(task)) {
        const children = read(`${task}/${thread}/children`)
        if (children) found.push(...children.split(' ').filter(Boolean).map(Number))
      }
    } catch {}
  }
  return found.slice(1)
}

// Files of /proc have no size, so readFileSync would allocate 64 KiB for each. Measured: a third of
// the service's processor time was garbage collection.
const scratch = Buffer.allocUnsafe(64 * 1024)

function read(path: string): string {
  const file = openSync(path, 'r')
  try {
    let text = ''
    for (;;) {
      const bytes = readSync(file, scratch, 0, scratch.length, null)
      if (bytes === 0) return text
      text += scratch.toString('latin1', 0, bytes)
    }
  } finally {
    closeSync(file)
  }
}

function cpuIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // utime, stime, and both of the children that were waited for.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * tickMs
}

function sizeIn(status: string, name: 'VmRSS' | 'VmHWM'): number {
  const at = status.indexOf(`\n${name}:`)
  return at < 0 ? 0 : Number.parseInt(status.slice(at + 2 + name.length), 10) * 1024
}
