import { readFile } from 'node:fs/promises'

const everyMs = 50

/**
 * The peak memory of a process and its descendants during `work`, in MiB. Proportional (PSS): memory
 * that they share counts once.
 */
export async function peakProportionalMebibytes(
  pid: number,
  work: () => Promise<unknown>,
): Promise<number> {
  let peak = 0
  let isWorking = true
  const watching = (async () => {
    while (isWorking) {
      peak = Math.max(peak, await proportionalBytes(pid))
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  })()
  try {
    await work()
  } finally {
    isWorking = false
    await watching
  }
  return peak / 1024 ** 2
}

async function proportionalBytes(pid: number): Promise<number> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')
  const [rollup, children] = await Promise.all([read('smaps_rollup'), read(`task/${pid}/children`)])
  const own = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024
  const others = children.trim().split(' ').filter(Boolean).map(Number)
  return (await Promise.all(others.map(proportionalBytes))).reduce((sum, each) => sum + each, own)
}
