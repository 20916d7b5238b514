import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Bench, Contest } from '../bench.js'
import { type RunningConverter, startConverter } from '../converter.js'
import { makePhotograph } from '../pictures.js'
import { timed } from '../timed.js'

const boundMs = 100

export const cancel: Bench = {
  name: 'cancel',
  about: 'from the cancel of a call that works on an AVIF of effort 9 until its process is gone',
  guarantees: 'the child and all that it started are killed',
  async open(stage) {
    const path = await makePhotograph(stage.folder)
    const converter = await startConverter(stage, { HERALD_WORKERS: '1' })
    return [
      {
        rival: `${boundMs} ms`,
        rivalGuarantees: 'a figure, not a program',
        unit: 'ms',
        floor: { atMost: 1 },
        rounds: 20,
        ours: () => untilGone(converter, path),
        theirs: async () => boundMs,
      },
    ] satisfies Contest[]
  },
}

async function untilGone({ pid, convert }: RunningConverter, path: string): Promise<number> {
  const before = await processorTicks(pid)
  const caller = new AbortController()
  const { signal } = caller
  const ended = convert(path, [{ format: 'avif', effort: 9 }], { signal }).catch(() => {})
  const child = await busyChild(pid, before)
  const took = await timed(async () => {
    caller.abort()
    while ((await ticksOf(child)) !== undefined) await delay(1)
  })
  await ended
  return took
}

/** The child that has worked for half a second since. */
async function busyChild(pid: number, before: ReadonlyMap<number, number>): Promise<number> {
  const halfASecond = 50
  for (;;) {
    for (const [child, ticks] of await processorTicks(pid)) {
      if (ticks - (before.get(child) ?? 0) > halfASecond) return child
    }
    await delay(10)
  }
}

/** Child to its processor time, in hundredths of a second. */
async function processorTicks(pid: number): Promise<Map<number, number>> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  const pids = children.trim().split(' ').filter(Boolean).map(Number)
  const ticks = await Promise.all(pids.map(ticksOf))
  return new Map(pids.flatMap((child, at) => (ticks[at] === undefined ? [] : [[child, ticks[at]]])))
}

/** Undefined if the process is gone, or ended and not yet waited for. */
async function ticksOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return state === '' || state === 'Z' ? undefined : Number(fields[10]) + Number(fields[11])
}
