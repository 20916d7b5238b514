import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { tether } from '@herald/runtime/test/tether'
import type { RabbitmqInstallation } from './find-rabbitmq.js'
import { installedCommand } from './installed-command.js'

/** A RabbitMQ that did not start: the message has its last lines. */
class RabbitmqStartError extends Error {
  override readonly name = 'RabbitmqStartError'
}

const run = promisify(execFile)
const startTimeoutMs = 90_000

export interface RabbitmqProcessOptions {
  readonly installation: RabbitmqInstallation
  /** Its data, configuration and Erlang cookie; the environment names them. */
  readonly folder: string
  readonly port: number
  readonly env: NodeJS.ProcessEnv
}

/** The processes of one server on a data folder: a script, Erlang, and Erlang's name server epmd. */
export class RabbitmqProcess {
  readonly #options: RabbitmqProcessOptions
  #child: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()

  constructor(options: RabbitmqProcessOptions) {
    this.#options = options
  }

  /** Resolves when it accepts connections. Rejects with RabbitmqStartError. */
  async start(): Promise<void> {
    if (this.#child !== undefined) return
    const { folder, port, env } = this.#options
    const [file, ...args] = this.#command('rabbitmq-server')
    const child = spawn(file, args, {
      env,
      cwd: folder,
      // A group of its own: a signal reaches Erlang and what it started.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    // epmd refuses while it has not noticed yet that the server is gone.
    const epmd = this.#command('/usr/bin/epmd')
      .map((word) => `'${word}'`)
      .join(' ')
    const untether = tether(
      child,
      `for i in 1 2 3 4 5; do ${epmd} -kill && break; sleep 0.2; done`,
      env,
    )
    let lines = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data) => {
        lines = `${lines}${data}`.slice(-4000)
      })
    }
    this.#exited = new Promise<void>((resolve) => {
      const ended = () => {
        untether()
        if (this.#child === child) this.#child = undefined
        resolve()
      }
      child.once('close', ended)
      child.once('error', (error) => {
        lines = error.message
        ended()
      })
    })
    const end = Date.now() + startTimeoutMs
    while (this.#child === child && Date.now() < end) {
      if (await speaksAmqp(port)) return
      await pause(100)
    }
    await this.kill()
    throw new RabbitmqStartError(`RabbitMQ did not start. Its last lines:\n${lines}`)
  }

  /** SIGKILLs Erlang and the script. Resolves when they are gone. Idempotent. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#exited
  }

  /** Stops it in order. Idempotent. */
  async stop(): Promise<void> {
    this.signal('SIGTERM')
    await this.#exited
  }

  /** Ends epmd, which outlives the server. Never rejects. */
  async killEpmd(): Promise<void> {
    // It refuses while it has not noticed yet that the server is gone.
    for (let tries = 0; tries < 20; tries += 1) {
      const killing = this.#run(this.#command('/usr/bin/epmd'), ['-kill'])
      const stdout = await killing.catch(() => 'Killed')
      if (stdout.includes('Killed')) return
      await pause(100)
    }
  }

  /** Runs rabbitmqctl; resolves to what it prints. */
  async ctl(...args: string[]): Promise<string> {
    const stdout = await this.#run(this.#command('rabbitmqctl'), ['--silent', ...args])
    return stdout.trimEnd()
  }

  /** Erlang's process id. */
  async pid(): Promise<number> {
    return Number(await readFile(this.#options.env['RABBITMQ_PID_FILE'] ?? '', 'utf8'))
  }

  signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      // It has just ended.
    }
  }

  #command(program: string) {
    const { installation, folder } = this.#options
    return installedCommand(installation, { program, folder })
  }

  async #run([file, ...before]: readonly [string, ...string[]], args: readonly string[]) {
    const { env, folder } = this.#options
    const { stdout } = await run(file, [...before, ...args], { env, cwd: folder })
    return stdout
  }
}

/** Whether a server answers AMQP's header there. */
function speaksAmqp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('AMQP\x00\x00\x09\x01'))
    const settle = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('data', () => settle(true))
    socket.once('error', () => settle(false))
    socket.once('close', () => settle(false))
    socket.setTimeout(1000, () => settle(false))
  })
}
