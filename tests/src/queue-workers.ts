import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../../converter-service/dist/src/main.js', import.meta.url))

/** A worker on the queue of conversions, in a process of its own. */
export interface QueueWorker {
  readonly child: ChildProcess
  /** Rejects if it ends before. */
  readonly ready: Promise<void>
  /** Its log so far. */
  readonly lines: string[]
  /** The signal, by default SIGKILL, unless it has ended; resolves to the exit status when it has. */
  end(signal?: NodeJS.Signals): Promise<number | null>
}

export function startQueueWorker(env: NodeJS.ProcessEnv): QueueWorker {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HERALD_'))
  const child = spawn(process.execPath, [main, '--worker'], {
    env: {
      ...Object.fromEntries(inherited),
      HERALD_WORKERS: '2',
      ...env,
      HERALD_CONVERTER_PROBES: '127.0.0.1:0',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(child, 'exit')
  const lines: string[] = []
  const ready = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr as Readable }).on('line', (line) => {
      lines.push(line)
      if (line.includes('"msg":"ready"')) resolve()
    })
    void exited.then(() => reject(new Error(`the worker ended:\n${lines.join('\n')}`)))
  })
  ready.catch(() => {})
  return {
    child,
    ready,
    lines,
    async end(signal = 'SIGKILL') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      await exited
      return child.exitCode
    },
  }
}

/** The process that makes that attempt at a job in a blob store of files; undefined if it did not begin. */
export function pidOfAttempt(blobs: string, job: string, attempt: number): number | undefined {
  const path = join(blobs, 'jobs', job, `attempt-${attempt}`)
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).pid : undefined
}

/** The jobs in a blob store of files that have that blob: `ended`, `announced`. */
export function jobsWith(blobs: string, name: string): string[] {
  const folder = join(blobs, 'jobs')
  return readdirSync(folder).filter((job) => existsSync(join(folder, job, name)))
}
