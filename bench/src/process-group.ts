import { readdir, readFile } from 'node:fs/promises'

/** What the processes of a group use. */
export interface ProcessGroupUsage {
  /** Resident memory, in bytes; memory that they share counts for each. */
  readonly residentBytes: number
  /** Processor time since their start, in ms. Linux counts it in steps of 10 ms. */
  readonly processorMs: number
}

/** One tick of /proc/PID/stat: USER_HZ is 100 on every Linux that Node runs on. */
const msPerTick = 10

/** The usage of all processes in the process group of `pid`. */
export async function processGroupUsage(pid: number): Promise<ProcessGroupUsage> {
  const group = (await statOf(String(pid)))?.group
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  let residentBytes = 0
  let processorMs = 0
  for (const name of names) {
    const stat = await statOf(name)
    if (stat === undefined || stat.group !== group) continue
    processorMs += stat.processorMs
    const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '')
    residentBytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
  }
  return { residentBytes, processorMs }
}

/** Undefined if the process has ended. */
async function statOf(pid: string) {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  // The name, in parentheses, may contain spaces. Of the fields after it, the third is the group;
  // user and system time, those of ended children included, are the 12th to 15th.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { group: fields[2], processorMs: ticks * msPerTick }
}
