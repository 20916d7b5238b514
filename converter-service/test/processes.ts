import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isProcessRunning } from '@herald/runtime/process-identity'
import { readTree } from '#src/children/process-tree'

/** Children of a process, by /proc. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.trim().split(' ').filter(Boolean).map(Number)
}

/** A process and all below it. */
export async function familyOf(pid: number): Promise<number[]> {
  const children = await childrenOf(pid).catch(() => [])
  return [pid, ...(await Promise.all(children.map(familyOf))).flat()]
}

/** A zombie does not count as running. */
export const isRunning = (pid: number) => isProcessRunning({ pid, startedAt: '' })

/** The child that uses the processor, by two samples of its processor time. */
export async function busiest(pids: readonly number[]): Promise<number> {
  const used = (pid: number) => readTree(pid)?.cpuMs ?? 0
  const first = pids.map(used)
  await delay(100)
  const grown = pids.map((pid, index) => used(pid) - (first[index] ?? 0))
  const most = Math.max(...grown)
  if (most < 20) throw new Error('no child is at work yet')
  return pids[grown.indexOf(most)] ?? 0
}

/** The memory of these processes in bytes, what they share counted once (PSS). */
export async function memoryOf(pids: readonly number[]): Promise<number> {
  const each = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
      return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024
    }),
  )
  return each.reduce((sum, bytes) => sum + bytes, 0)
}

/** An environment by which the children load a module of `test/preloads` first. */
export function preloading(name: string): Record<string, string> {
  const path = fileURLToPath(new URL(`../dist/test/preloads/${name}.js`, import.meta.url))
  return { PATH: process.env['PATH'] ?? '', NODE_OPTIONS: `--import=${path}` }
}
