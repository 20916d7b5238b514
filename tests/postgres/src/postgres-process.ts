import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { PostgresInstallation } from './find-postgres.js'

/** A PostgreSQL that did not start: the message has its last lines. */
class PostgresStartError extends Error {
  override readonly name = 'PostgresStartError'
}

const run = promisify(execFile)
const startTimeoutMs = 60_000

/** The process of one server on a data folder. */
export class PostgresProcess {
  readonly #installation: PostgresInstallation
  readonly #data: string
  readonly #port: number
  #child: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()

  constructor(installation: PostgresInstallation, data: string, port: number) {
    this.#installation = installation
    this.#data = data
    this.#port = port
  }

  /** Resolves when it accepts connections; at once if it runs. Tries again while processes of a killed one are ending. */
  async start(): Promise<void> {
    if (this.#child !== undefined) return
    const end = Date.now() + startTimeoutMs
    for (;;) {
      const lines = await this.#tryToStart(end)
      if (lines === undefined) return
      const isTransient = /shared memory block|lock file|Address already in use/.test(lines)
      if (!isTransient || Date.now() > end) {
        throw new PostgresStartError(`PostgreSQL did not start. Its last lines:\n${lines}`)
      }
      await pause(100)
    }
  }

  /** Resolves when it is gone, and the processes that it started: after a kill those go on for a moment. */
  async end(signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
    await this.signalAll('SIGCONT')
    this.#child?.kill(signal)
    await this.#exited
  }

  /** Sends the signal to the server and every process that it started. */
  async signalAll(signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const pid = this.#child?.pid
    if (pid === undefined) return
    const { stdout } = await run('pgrep', ['-P', String(pid)]).catch(() => ({ stdout: '' }))
    for (const each of [pid, ...stdout.split('\n').filter(Boolean).map(Number)]) {
      try {
        process.kill(each, signal)
      } catch {
        // It has just ended.
      }
    }
  }

  /** Resolves to its last lines if it has ended. */
  async #tryToStart(end: number): Promise<string | undefined> {
    const { programs, user } = this.#installation
    const child = spawn(join(programs, 'postgres'), ['-D', this.#data, '-p', String(this.#port)], {
      ...user,
      cwd: '/',
      // A group of its own: Ctrl-C in the terminal is for the tests.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child = child
    const untether = tether(child)
    let lines = ''
    child.stderr?.on('data', (data) => {
      lines = `${lines}${data}`.slice(-4000)
    })
    this.#exited = new Promise<void>((resolve) => {
      const ended = () => {
        untether()
        if (this.#child === child) this.#child = undefined
        resolve()
      }
      // Not `exit`: every process it started writes to its stderr.
      child.once('close', ended)
      child.once('error', (error) => {
        lines = error.message
        ended()
      })
    })
    const isReady = join(programs, 'pg_isready')
    while (this.#child === child && Date.now() < end) {
      const asked = await run(isReady, ['-q', '-h', '127.0.0.1', '-p', String(this.#port)]).then(
        () => true,
        () => false,
      )
      if (asked && this.#child === child) return undefined
      await pause(50)
    }
    await this.end('SIGKILL')
    return lines
  }
}

/** A free port beneath the range from which systems give out ports to clients: a restart needs it again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = createServer()
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}

/** Kills a process when this one ends, also by kill -9. Returns what stops that. */
function tether(child: ChildProcess): () => void {
  if (child.pid === undefined) return () => {}
  const watcher = spawn('sh', ['-c', `read -r _; kill -9 ${child.pid} 2>/dev/null`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.on('error', () => {})
  watcher.unref()
  return () => watcher.kill('SIGKILL')
}
