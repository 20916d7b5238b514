import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openBroker } from '@herald/broker'
import { findNats, startNats } from '@herald/nats'
import { silentLogger } from '@herald/runtime/logger'
import { createChecks, type Result } from './result.js'

export interface NatsOptions {
  readonly events: number
  /** How long a member is stopped: longer than the session timeout of 10 s. */
  readonly stoppedMs: number
  readonly print: (line: string) => void
}

const program = fileURLToPath(
  new URL('../../../../broker/dist/test/programs/member.js', import.meta.url),
)
const topic = 'notifications'
const keys = 50
const settleMs = 60_000

interface Handled {
  readonly id: string
  readonly key: string
  readonly at: number
}

/**
 * Three members with the default session, in processes of their own. One is killed, then one is stopped and
 * continues; the server is killed while it is stopped. No event is lost and no key is out of order.
 */
export async function runNats({ events, stoppedMs, print }: NatsOptions): Promise<Result> {
  const found = await findNats('2.15')
  const { failures, check } = createChecks()
  if ('missing' in found) {
    return { scenario: 'members on NATS', figures: {}, failures: [found.missing] }
  }
  const server = await startNats({ installation: found.installation })
  const broker = await openBroker(server.url, { logger: silentLogger })
  const handled: Handled[] = []
  const children: ChildProcess[] = []
  try {
    for (let index = 0; index < 3; index += 1) children.push(await startMember(server.url, handled))
    const [first, second] = children as [ChildProcess, ChildProcess, ChildProcess]
    const rounds = Math.max(1, Math.floor(events / keys))
    const everyMs = Math.ceil((stoppedMs + 20_000) / rounds)
    const faults = (async () => {
      await pause(3000)
      print('kill -9 of a member')
      first.kill('SIGKILL')
      await pause(5000)
      print(`SIGSTOP of a member for ${stoppedMs / 1000} s`)
      second.kill('SIGSTOP')
      await pause(stoppedMs / 2)
      print('kill -9 of the server')
      await server.restart()
      await pause(stoppedMs / 2)
      second.kill('SIGCONT')
    })()
    let refused = 0
    for (let round = 0; round < rounds; round += 1) {
      const messages = Array.from({ length: keys }, (_, key) => ({
        key: `k${key}`,
        value: Buffer.from(`k${key}/${round}`),
        headers: {},
      }))
      while (!(await broker.publish(topic, messages).catch(() => undefined))) refused += 1
      await pause(everyMs)
    }
    await faults
    const wanted = rounds * keys
    const end = Date.now() + settleMs
    while (new Set(handled.map(({ id }) => id)).size < wanted && Date.now() < end) await pause(200)
    const firsts = firstOfEach(handled)
    const lost = wanted - firsts.length
    const { outOfOrder, longestMs } = keyOrder(firsts)
    check(lost === 0, `${lost} events were lost`)
    check(outOfOrder === 0, `${outOfOrder} keys were out of order`)
    return {
      scenario: 'members on NATS',
      figures: {
        events: wanted,
        lost,
        'out of order': outOfOrder,
        'handled twice': handled.length - firsts.length,
        'publish refused': refused,
        'key still, ms': longestMs,
      },
      failures,
    }
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await broker.close()
    await server.destroy()
  }
}

async function startMember(url: string, handled: Handled[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, url, topic, 'all'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  await once(lines, 'line')
  lines.on('line', (line) => {
    const parsed = JSON.parse(line) as Handled | { begun: string }
    if ('id' in parsed) handled.push(parsed)
  })
  return child
}

function firstOfEach(handled: readonly Handled[]): Handled[] {
  const first = new Map<string, Handled>()
  // One monotonic clock for all processes of the machine.
  for (const each of [...handled].sort((one, other) => one.at - other.at)) {
    if (!first.has(each.id)) first.set(each.id, each)
  }
  return [...first.values()]
}

function keyOrder(firsts: readonly Handled[]) {
  const last = new Map<string, { number: number; at: number }>()
  const wrong = new Set<string>()
  let longest = 0
  for (const { id, key, at } of firsts) {
    const number = Number(id.split('/')[1])
    const before = last.get(key)
    if (number !== (before?.number ?? -1) + 1) wrong.add(key)
    longest = Math.max(longest, at - (before?.at ?? at))
    last.set(key, { number, at })
  }
  return { outOfOrder: wrong.size, longestMs: Math.round(longest / 1e6) }
}
