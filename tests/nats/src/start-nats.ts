import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '@herald/runtime/test/ports'
import { tether } from '@herald/runtime/test/tether'
import type { NatsInstallation } from './find-nats.js'

export interface StartNatsOptions {
  readonly installation: NatsInstallation
  /** Created if absent. Default: a new one. */
  readonly folder?: string
  /** Default: any free. */
  readonly port?: number
  /** Settings within `jetstream { }`; null: JetStream is not enabled. */
  readonly jetstream?: Readonly<Record<string, string>> | null
  /** Further lines of the configuration file. */
  readonly config?: string
}

/** A NATS server on loopback. */
export interface NatsServer {
  readonly port: number
  /** `127.0.0.1:14222`. */
  readonly address: string
  /** `nats://127.0.0.1:14222`. */
  readonly url: string
  /** The process id while it runs. */
  readonly pid: number | undefined
  /** Starts it again on its data and port. Resolves when it accepts connections. */
  start(): Promise<void>
  /** Resolves when it has ended; the data is kept. Idempotent. */
  end(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** Kills it with SIGKILL and starts it again. */
  restart(): Promise<void>
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void
  /** SIGKILLs it and deletes its folder. */
  destroy(): Promise<void>
}

const startTimeoutMs = 30_000

/** Starts NATS; resolves when it accepts connections. */
export async function startNats(options: StartNatsOptions): Promise<NatsServer> {
  const { installation, jetstream = {}, config = '' } = options
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'herald-nats-')))
  await mkdir(folder, { recursive: true })
  const port = options.port ?? (await freePort())
  const file = join(folder, 'nats.conf')
  const log = join(folder, 'log')
  const store = {
    store_dir: JSON.stringify(join(folder, 'data')),
    max_file_store: '2GB',
    ...jetstream,
  }
  const lines = Object.entries(store).map(([name, value]) => `  ${name}: ${value}`)
  await writeFile(
    file,
    [
      'host: 127.0.0.1',
      `port: ${port}`,
      `server_name: ${JSON.stringify(folder)}`,
      `log_file: ${JSON.stringify(log)}`,
      ...(jetstream === null ? [] : ['jetstream {', ...lines, '}']),
      config,
    ].join('\n'),
    // It may contain passwords.
    { mode: 0o600 },
  )
  let child: ChildProcess | undefined
  let ended: Promise<void> = Promise.resolve()

  async function start(): Promise<void> {
    const started = spawn(installation.program, ['-c', file], {
      // A group of its own: Ctrl-C in the terminal is for the tests.
      detached: true,
      stdio: 'ignore',
    })
    child = started
    const untether = tether(started)
    ended = new Promise((resolve) => {
      const done = () => {
        untether()
        if (child === started) child = undefined
        resolve()
      }
      started.once('exit', done)
      started.once('error', done)
    })
    const end = Date.now() + startTimeoutMs
    while (child === started && !(await greets(port))) {
      if (Date.now() > end) started.kill('SIGKILL')
      await pause(20)
    }
    if (child === started) return
    const output = await readFile(log, 'utf8').catch(() => '')
    throw new Error(`NATS did not start. Its last lines:\n${output.slice(-2000)}`)
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<void> {
    child?.kill('SIGCONT')
    child?.kill(signal)
    await ended
  }

  async function destroy(): Promise<void> {
    await end('SIGKILL')
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }

  try {
    await start()
  } catch (error) {
    if (options.folder === undefined) await destroy()
    throw error
  }
  return {
    port,
    address: `127.0.0.1:${port}`,
    url: `nats://127.0.0.1:${port}`,
    get pid() {
      return child?.pid
    },
    start,
    end,
    async restart() {
      await end('SIGKILL')
      await start()
    },
    signal: (signal) => void child?.kill(signal),
    destroy,
  }
}

/** Whether a server sends its first line. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const answer = (isReady: boolean) => {
      socket.destroy()
      resolve(isReady)
    }
    socket.once('data', () => answer(true))
    socket.once('error', () => answer(false))
    socket.once('close', () => answer(false))
  })
}
