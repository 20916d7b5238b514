import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { HeraldError } from '@herald/proto/errors'
import type { Logger } from '@herald/runtime/logger'
import type { EngineReport } from '../engines/engine.js'
import type { ChildMessage, Task, TaskResult } from './messages.js'

const program = fileURLToPath(new URL('./child.js', import.meta.url))

/** Why a child ended before its task did. */
export type DeathReason = 'timeout' | 'cancelled' | 'memory' | 'crash'

export interface WorkerOptions {
  /** The most memory the child may hold, in bytes. */
  readonly maxResidentBytes: number
  /** The child's whole environment: it reads untrusted files and gets no secrets. */
  readonly env: Readonly<Record<string, string>>
  readonly logger: Logger
}

interface Assignment {
  resolve(result: never): void
  reject(error: unknown): void
}

/** One child process: one task at a time, and it can be killed at any moment. */
export class Worker {
  /** Resolves to what it can do when it takes tasks; rejects when it ends before. */
  readonly ready: Promise<readonly EngineReport[]>
  /** Resolves when the process is gone, to why. */
  readonly gone: Promise<DeathReason>
  readonly #child: ChildProcess
  readonly #options: WorkerOptions
  #assignment: Assignment | undefined
  #killedFor: DeathReason | undefined

  constructor(options: WorkerOptions) {
    this.#options = options
    this.#child = fork(program, {
      env: { ...options.env, MALLOC_ARENA_MAX: '2' },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      options.logger.debug({ child: this.pid, text: text.slice(0, 2000) }, 'a child said')
    })
    this.gone = new Promise((resolve) => {
      const end = () => resolve(this.#end())
      this.#child.once('exit', end)
      // Without a pid it never came to life, and no exit follows.
      this.#child.on('error', () => this.pid ?? end())
    })
    this.ready = new Promise((resolve, reject) => {
      this.#child.on('message', (message: ChildMessage) => {
        if (message.kind === 'ready') resolve(message.engines)
        else this.#hear(message)
      })
      this.gone.then(() => reject(new Error('the child ended before it was ready')))
    })
    this.ready.catch(() => {})
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /**
   * Runs a task. Rejects with HeraldError for the file's or the request's fault, and when the
   * child dies over it; with Error for a defect.
   */
  run<T extends Task>(task: T): Promise<TaskResult<T>> {
    return new Promise((resolve, reject) => {
      this.#assignment = { resolve, reject }
      this.#child.send(task, (error) => {
        if (error) this.kill('crash')
      })
    })
  }

  /** Ends the process at once (SIGKILL): native code cannot be asked. */
  kill(reason: DeathReason): void {
    this.#killedFor ??= reason
    this.#child.kill('SIGKILL')
  }

  #hear(message: Exclude<ChildMessage, { kind: 'ready' }>): void {
    // An answer may still be on its way; with it the dying child would seem free for the next task.
    if (this.#killedFor) return
    if (message.kind === 'memory') {
      if (message.residentBytes > this.#options.maxResidentBytes) this.kill('memory')
      return
    }
    const assignment = this.#assignment
    this.#assignment = undefined
    if (message.kind === 'done') assignment?.resolve(message.result as never)
    else if (message.kind === 'broken') assignment?.reject(new Error(message.detail))
    else {
      const { code, message: text, remedy } = message.fault
      assignment?.reject(new HeraldError(code, text, remedy === undefined ? {} : { remedy }))
    }
  }

  #end(): DeathReason {
    const reason = this.#killedFor ?? 'crash'
    this.#assignment?.reject(deathError(reason))
    this.#assignment = undefined
    return reason
  }
}

function deathError(reason: DeathReason): HeraldError {
  switch (reason) {
    case 'timeout':
      return new HeraldError('HERALD_TIMEOUT', 'The conversion took too long.')
    case 'cancelled':
      return new HeraldError('HERALD_CANCELLED', 'The conversion was cancelled.')
    case 'memory':
      return new HeraldError(
        'HERALD_TOO_MUCH_MEMORY',
        'Converting this file takes more memory than allowed here.',
        { remedy: 'Make the picture smaller, or ask for a smaller rendition.' },
      )
    case 'crash':
      return new HeraldError('HERALD_INTERNAL', 'The worker ended while it was at this file.', {
        remedy: 'Try again. If it happens again, the file itself may be the cause.',
      })
  }
}
