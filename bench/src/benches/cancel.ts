import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Bench, Comparison } from '../bench.js'
import { type RunningConverter, startConverter } from '../converter.js'
import { makePhotograph } from '../pictures.js'
import { timed } from '../timed.js'

const maxMs = 100

export const cancel: Bench = {
  name: 'cancel',
  about:
    'from the cancel of a call that encodes an AVIF of effort 9 to the end of its child process',
  guarantees: 'the child process and all that it started are killed',
  async open(context) {
    const path = await makePhotograph(context.folder)
    const converter = await startConverter(context, { HERALD_WORKERS: '1' })
    return [
      {
        rival: `${maxMs} ms`,
        rivalGuarantees: 'a fixed figure',
        unit: 'ms',
        floor: { atMost: 1 },
        rounds: 20,
        ours: () => untilProcessEnds(converter, path),
        theirs: async () => maxMs,
      },
    ] satisfies Comparison[]
  },
}

async function untilProcessEnds({ pid, convert }: RunningConverter, path: string): Promise<number> {
  const before = await processorTicks(pid)
  const caller = new AbortController()
  const { signal } = caller
  const ended = convert(path, [{ format: 'avif', effort: 9 }], { signal }).catch(() => {})
  const child = await busyChild(pid, before)
  const tookMs = await timed(async () => {
    caller.abort()
    while ((await ticksOf(child)) !== undefined) await delay(1)
  })
  await ended
  return tookMs
}

/** Resolves to the child process that has used half a second of processor time since `before`. */
async function busyChild(pid: number, before: ReadonlyMap<number, number>): Promise<number> {
  const halfASecond = 50
  for (;;) {
    for (const [child, ticks] of await processorTicks(pid)) {
      if (ticks - (before.get(child) ?? 0) > halfASecond) return child
    }
    await delay(10)
  }
}

/** The processor time of each child process, in hundredths of a second. */
async function processorTicks(pid: number): Promise<Map<number, number>> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  const pids = children.trim().split(' ').filter(Boolean).map(Number)
  const ticks = await Promise.all(pids.map(ticksOf))
  return new Map(pids.flatMap((child, at) => (ticks[at] === undefined ? [] : [[child, ticks[at]]])))
}

/** Undefined if the process has ended. */
async function ticksOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return state === '' || state === 'Z' ? undefined : Number(fields[10]) + Number(fields[11])
}
