import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../dist/src/main.js', import.meta.url))

interface Line {
  msg: string
  [field: string]: unknown
}

export interface ProgramUnderTest {
  readonly child: ChildProcess
  /** Its addresses, from its log. */
  readonly ready: Promise<{ address: string; probes: string }>
  readonly exited: Promise<[number | null, string | null]>
  /** What it wrote so far. */
  readonly lines: string[]
  /** Kills it if it still runs. */
  end(): Promise<void>
}

/** The converter as a process, on free ports, with one child. */
export function startProgram(spool: string, env: Record<string, string> = {}): ProgramUnderTest {
  const child = spawn(process.execPath, [program], {
    env: {
      ...process.env,
      HERALD_CONVERTER_LISTEN: '127.0.0.1:0',
      HERALD_CONVERTER_PROBES: '127.0.0.1:0',
      HERALD_SPOOL: spool,
      HERALD_WORKERS: '1',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const lines: string[] = []
  const ready = new Promise<{ address: string; probes: string }>((resolve) => {
    createInterface({ input: child.stderr }).on('line', (text) => {
      lines.push(text)
      if (!text.startsWith('{')) return
      const line = JSON.parse(text) as Line
      if (line.msg === 'ready') {
        resolve({ address: `127.0.0.1:${line['port']}`, probes: String(line['probes']) })
      }
    })
  })
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>
  return {
    child,
    ready,
    exited,
    lines,
    async end() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
    },
  }
}
