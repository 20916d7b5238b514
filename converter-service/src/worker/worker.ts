import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HeraldError } from '@herald/proto/errors'
import type { Logger } from '@herald/runtime/logger'
import type { EngineReport } from '../engines/engine.js'
import type { Confinement } from './confinement.js'
import type { Guardian } from './guardian.js'
import type { ChildMessage, Order, Task, TaskResult } from './messages.js'
import { type Usage, UsageMeter } from './usage.js'

const program = fileURLToPath(new URL('./child.js', import.meta.url))

/** Why a child ended. `retired`: its work was done, it made room for a fresh one. */
export type DeathReason =
  | 'timeout'
  | 'cpu'
  | 'output'
  | 'cancelled'
  | 'memory'
  | 'crash'
  | 'retired'

export interface WorkerOptions {
  /** Where the child has its own folder, for temporary files and to work in. */
  readonly folder: string
  /** The child's whole environment: it reads untrusted files and gets no secrets. */
  readonly env: Readonly<Record<string, string>>
  readonly confinement: Confinement
  /** Told of each child's process group, so that none survives us. */
  readonly guardian: Guardian
  readonly logger: Logger
}

interface Assignment {
  resolve(result: never): void
  reject(error: unknown): void
}

/** What a task came to, and what it took. */
interface Outcome<T extends Task> {
  readonly result: TaskResult<T>
  readonly usage: Usage
}

/**
 * One child process: one task at a time. It leads a process group of its own, and is killed at any
 * moment together with all it spawned.
 */
export class Worker {
  /** Resolves to what it can do when it takes tasks; rejects when it ends before. */
  readonly ready: Promise<readonly EngineReport[]>
  /** Resolves when the process is gone, to why. */
  readonly gone: Promise<DeathReason>
  /** Tasks done so far. */
  tasks = 0
  /** What it held after its last task more than when it was ready. */
  growthBytes = 0
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #guardian: Guardian
  #baselineBytes = 0
  #assignment: Assignment | undefined
  #meter: UsageMeter | undefined
  #usage: Usage = { cpuMs: 0, peakBytes: 0 }
  #killedFor: DeathReason | undefined

  constructor({ folder, env, confinement, guardian, logger }: WorkerOptions) {
    this.#guardian = guardian
    this.#folder = mkdtempSync(join(folder, 'w-'))
    const [wrapper, ...rest] = [...confinement.command, process.execPath]
    this.#child = fork(program, {
      // Its own group, which is killed as a whole. Ctrl-C does not reach it either: when to end is ours.
      detached: true,
      cwd: this.#folder,
      env: { ...env, TMPDIR: this.#folder, MALLOC_ARENA_MAX: '2' },
      execPath: wrapper ?? process.execPath,
      execArgv: [...rest, ...confinement.nodeFlags],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    if (this.pid !== undefined) guardian.add(this.pid)
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      logger.debug({ child: this.pid, text: text.slice(0, 2000) }, 'a child said')
    })
    this.gone = new Promise((resolve) => {
      const end = () => resolve(this.#end())
      this.#child.once('exit', end)
      // Without a pid it never came to life, and no exit follows.
      this.#child.on('error', () => this.pid ?? end())
    })
    this.ready = new Promise((resolve, reject) => {
      this.#child.on('message', (message: ChildMessage) => {
        if (message.kind !== 'ready') return this.#hear(message)
        this.#baselineBytes = message.residentBytes
        resolve(message.engines)
      })
      this.gone.then(() => reject(new Error('the child ended before it was ready')))
    })
    this.ready.catch(() => {})
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /**
   * Runs a task on so many threads; `onUsage` is told now and then what it uses. Rejects with
   * HeraldError for the file's or the request's fault, and when the child dies over it; with Error
   * for a defect.
   */
  run<T extends Task>(
    task: T,
    threads: number,
    onUsage: (usage: Usage) => void = () => {},
  ): Promise<Outcome<T>> {
    return new Promise((resolve, reject) => {
      this.#assignment = {
        resolve: (result) => resolve({ result, usage: this.usage }),
        reject,
      }
      this.#child.send({ task, threads } satisfies Order, (error) => {
        if (error) this.kill('crash')
      })
      this.#usage = { cpuMs: 0, peakBytes: 0 }
      if (this.pid !== undefined) this.#meter = new UsageMeter(this.pid, onUsage)
    })
  }

  /** Of the task it is at, or was at last. */
  get usage(): Usage {
    return this.#meter?.usage ?? this.#usage
  }

  /** Ends the child and what it spawned at once (SIGKILL): native code cannot be asked. */
  kill(reason: DeathReason): void {
    this.#killedFor ??= reason
    this.#killGroup()
    this.#child.kill('SIGKILL')
  }

  #killGroup(): void {
    if (this.pid === undefined) return
    try {
      process.kill(-this.pid, 'SIGKILL')
    } catch {
      // Nobody is left in it.
    }
  }

  #hear(message: Exclude<ChildMessage, { kind: 'ready' }>): void {
    // An answer may still be on its way; with it the dying child would seem free for the next task.
    if (this.#killedFor) return
    this.#meter?.hear(message.used)
    if (message.kind === 'working') return
    this.#rest()
    this.tasks++
    this.growthBytes = message.used.residentBytes - this.#baselineBytes
    const assignment = this.#assignment
    this.#assignment = undefined
    if (message.kind === 'done') assignment?.resolve(message.result as never)
    else if (message.kind === 'broken') assignment?.reject(new Error(message.detail))
    else {
      const { code, message: text, remedy } = message.fault
      assignment?.reject(new HeraldError(code, text, remedy === undefined ? {} : { remedy }))
    }
  }

  #rest(): void {
    if (this.#meter) this.#usage = this.#meter.stop()
    this.#meter = undefined
  }

  #end(): DeathReason {
    const reason = this.#killedFor ?? 'crash'
    this.#rest()
    // A crash took only the child; what it spawned is still there.
    this.#killGroup()
    if (this.pid !== undefined) this.#guardian.drop(this.pid)
    rmSync(this.#folder, { recursive: true, force: true })
    this.#assignment?.reject(deathError(reason))
    this.#assignment = undefined
    return reason
  }
}

/** What a task is told whose child died without a job saying why. */
function deathError(reason: DeathReason): HeraldError {
  if (reason !== 'crash') {
    return new HeraldError('HERALD_CANCELLED', 'The conversion was ended.')
  }
  return new HeraldError('HERALD_INTERNAL', 'The worker ended while it was at this file.', {
    remedy: 'Try again. If it happens again, the file itself may be the cause.',
  })
}
