import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { isAlive } from '@herald/runtime/process-identity'

/** Children of a process, by /proc. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.trim().split(' ').filter(Boolean).map(Number)
}

/** A zombie that nobody reaps counts as dead. */
export const isRunning = (pid: number) => isAlive({ pid, startedAt: '' })

/** The child that uses the processor: told by its own clock, a moment apart. */
export async function busiest(pids: readonly number[]): Promise<number> {
  const ticks = (pid: number) =>
    readFile(`/proc/${pid}/stat`, 'latin1').then((stat) =>
      Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[11]),
    )
  const first = await Promise.all(pids.map(ticks))
  await delay(100)
  const second = await Promise.all(pids.map(ticks))
  const used = pids.map((_, index) => (second[index] ?? 0) - (first[index] ?? 0))
  const most = Math.max(...used)
  if (most < 5) throw new Error('no child is at work yet')
  return pids[used.indexOf(most)] ?? 0
}
