import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const { resolve } = createRequire(import.meta.url)

export interface NotifierProcess {
  readonly pid: number
  readonly probesUrl: string
  /** Every log line so far, parsed; a line that is not JSON as `{ msg }`. */
  readonly log: Record<string, unknown>[]
  /** Sends the signal; resolves to the exit status once it is gone (null after a signal). Idempotent. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Resolves to the exit status when it ends by itself. */
  readonly exited: Promise<number | null>
}

/** Runs the built notifier on a free port; resolves when it logs `ready`, or the first line that `until` accepts. */
export async function startNotifier(
  env: Record<string, string>,
  until: (entry: Record<string, unknown>) => boolean = ({ msg }) => msg === 'ready',
  main: 'main' | 'webhook/main' = 'main',
): Promise<NotifierProcess> {
  const probes = { HERALD_NOTIFIER_PROBES: '127.0.0.1:0', HERALD_WEBHOOK_PROBES: '127.0.0.1:0' }
  const child = spawn(process.execPath, [resolve(`#src/${main}`)], {
    env: { PATH: process.env['PATH'], ...probes, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const log: Record<string, unknown>[] = []
  const exited = once(child, 'exit').then(() => child.exitCode)
  const entry = await new Promise<Record<string, unknown>>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      const parsed = parse(line)
      log.push(parsed)
      if (until(parsed)) resolve(parsed)
    })
    child.once('error', reject)
    child.once('close', () => reject(new Error(log.map((each) => JSON.stringify(each)).join('\n'))))
  })
  return {
    pid: child.pid ?? -1,
    probesUrl: String(entry['probes'] ?? ''),
    log,
    exited,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return exited
    },
  }
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line)
  } catch {
    return { msg: line }
  }
}
