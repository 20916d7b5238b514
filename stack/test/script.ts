import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished, vi } from 'vitest'
import type { RunningStack } from '#src/running-stack'

/** `start` or `demo` as a user runs it, with its own folder for everything it writes. */
export interface Script {
  readonly child: ChildProcess
  readonly data: string
  /** Everything written so far to stdout and stderr. */
  output(): string
  /** Ctrl-C: the terminal signals the whole process group. */
  interrupt(): void
  /** Resolves to the exit status, null after a signal. */
  readonly ended: Promise<number | null>
  /** The names in the folder for temporary files. */
  leftovers(): string[]
}

const anyPorts = {
  HERALD_CONVERTER_LISTEN: '127.0.0.1:0',
  HERALD_CONVERTER_PROBES: '127.0.0.1:0',
  HERALD_NOTIFIER_PROBES: '127.0.0.1:0',
  HERALD_INBOX_SMTP: '127.0.0.1:0',
  HERALD_INBOX_WEB: '127.0.0.1:0',
  HERALD_WEB_LISTEN: '127.0.0.1:0',
  HERALD_WEB_PROBES: '127.0.0.1:0',
}

export function runScript(
  name: 'start' | 'demo',
  { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
): Script {
  const home = mkdtempSync(join(tmpdir(), 'herald-stack-test-'))
  const temporary = mkdtempSync(join(home, 'tmp-'))
  const data = env['HERALD_DATA'] ?? join(home, 'data')
  const main = fileURLToPath(new URL(`../dist/src/${name}.js`, import.meta.url))
  const outside = Object.entries(process.env).filter(([key]) => !key.startsWith('HERALD_'))
  const child = spawn(process.execPath, [main, ...args], {
    env: {
      ...Object.fromEntries(outside),
      ...(name === 'start' ? anyPorts : {}),
      HERALD_DATA: data,
      ...(name === 'start' ? { HERALD_BROKER: `embedded:${join(data, 'broker')}` } : {}),
      TMPDIR: temporary,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, as a shell gives a command.
    detached: true,
  })
  let written = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      written += text
    })
  }
  const ended = once(child, 'close').then(([code]) => code as number | null)
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await ended
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  })
  return {
    child,
    data,
    output: () => written,
    interrupt: () => void process.kill(-(child.pid as number), 'SIGINT'),
    ended,
    leftovers: () => readdirSync(temporary),
  }
}

/** `npm start`, ready. */
export async function runStart(env: Record<string, string> = {}) {
  let programs: Record<string, number> = {}
  // Runs after the script's own: a test that fails leaves nothing behind either.
  onTestFinished(() => {
    for (const pid of Object.values(programs).filter(isRunning)) process.kill(pid, 'SIGKILL')
  })
  const script = runScript('start', { env })
  const early = script.ended.then((code) => {
    throw new Error(`start ended with ${code}: ${script.output()}`)
  })
  early.catch(() => {})
  const ready = vi.waitFor(() => {
    if (!script.output().includes('Ctrl-C stops everything.')) throw new Error(script.output())
  }, 25_000)
  await Promise.race([ready, early])
  const record = JSON.parse(readFileSync(join(script.data, 'stack.json'), 'utf8')) as RunningStack
  programs = Object.fromEntries(record.programs.map(({ name, pid }) => [name, pid as number]))
  return { ...script, addresses: record.addresses, programs }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
