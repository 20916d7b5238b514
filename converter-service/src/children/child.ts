import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HeraldError } from '@herald/proto/errors'
import type { Logger } from '@herald/runtime/logger'
import type { EngineReport } from '../engines/engine.js'
import type { Confinement } from './confinement.js'
import type { Guardian } from './guardian.js'
import type { ChildMessage, Task, TaskMessage, TaskResult } from './messages.js'
import { type Usage, UsageMeter } from './usage.js'

const program = fileURLToPath(new URL('./child-main.js', import.meta.url))

/** Why a child exited. `retired`: it was replaced after its share of work. */
export type ExitReason = 'timeout' | 'cpu' | 'output' | 'cancelled' | 'memory' | 'crash' | 'retired'

export interface ChildOptions {
  /** The parent of the child's own folder, its working directory and TMPDIR. */
  readonly folder: string
  /** The child's whole environment: it reads untrusted files and gets no secrets. */
  readonly env: Readonly<Record<string, string>>
  readonly confinement: Confinement
  /** Kills the child's process group if this process ends first. */
  readonly guardian: Guardian
  readonly logger: Logger
}

interface Assignment {
  resolve(result: never): void
  reject(error: unknown): void
}

/** The result of a task, and what it used. */
interface Outcome<T extends Task> {
  readonly result: TaskResult<T>
  readonly usage: Usage
}

/**
 * One child process with one task at a time. It leads a process group, and may be killed at any
 * moment together with all that it spawned.
 */
export class Child {
  /** Resolves to its engines when it accepts tasks; rejects if it exits before. */
  readonly ready: Promise<readonly EngineReport[]>
  /** Resolves to the reason when the process has exited. */
  readonly gone: Promise<ExitReason>
  /** Tasks done so far. */
  tasks = 0
  /** Growth of its resident memory between its start and its last task. */
  growthBytes = 0
  readonly #process: ChildProcess
  readonly #folder: string
  readonly #guardian: Guardian
  #baselineBytes = 0
  #assignment: Assignment | undefined
  #meter: UsageMeter | undefined
  #usage: Usage = { cpuMs: 0, peakBytes: 0 }
  #killedFor: ExitReason | undefined

  constructor({ folder, env, confinement, guardian, logger }: ChildOptions) {
    this.#guardian = guardian
    this.#folder = mkdtempSync(join(folder, 'w-'))
    const [wrapper, ...rest] = [...confinement.command, process.execPath]
    this.#process = fork(program, {
      // Its own group, which is killed as a whole and which Ctrl-C does not reach.
      detached: true,
      cwd: this.#folder,
      env: { ...env, TMPDIR: this.#folder, MALLOC_ARENA_MAX: '2' },
      execPath: wrapper ?? process.execPath,
      execArgv: [...rest, ...confinement.nodeFlags],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    if (this.pid !== undefined) guardian.add(this.pid)
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      logger.debug({ child: this.pid, text: text.slice(0, 2000) }, 'output of a child')
    })
    this.gone = new Promise((resolve) => {
      const end = () => resolve(this.#end())
      this.#process.once('exit', end)
      // Without a pid it never started, and no exit event follows.
      this.#process.on('error', () => this.pid ?? end())
    })
    this.ready = new Promise((resolve, reject) => {
      this.#process.on('message', (message: ChildMessage) => {
        if (message.kind !== 'ready') return this.#onMessage(message)
        this.#baselineBytes = message.residentBytes
        resolve(message.engines)
      })
      this.gone.then(() => reject(new Error('the child ended before it was ready')))
    })
    this.ready.catch(() => {})
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /**
   * Runs a task on that many threads; `onUsage` is called now and then with what it uses. Rejects
   * with HeraldError if the file or the request is the cause or the child exits; with Error for a
   * defect.
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
      this.#process.send({ task, threads } satisfies TaskMessage, (error) => {
        if (error) this.kill('crash')
      })
      this.#usage = { cpuMs: 0, peakBytes: 0 }
      if (this.pid !== undefined) this.#meter = new UsageMeter(this.pid, onUsage)
    })
  }

  /** Of the current or last task. */
  get usage(): Usage {
    return this.#meter?.usage ?? this.#usage
  }

  /** Kills the child and what it spawned (SIGKILL): native code handles no other signal. */
  kill(reason: ExitReason): void {
    this.#killedFor ??= reason
    this.#killGroup()
    this.#process.kill('SIGKILL')
  }

  #killGroup(): void {
    if (this.pid === undefined) return
    try {
      process.kill(-this.pid, 'SIGKILL')
    } catch {
      // The group is empty already.
    }
  }

  #onMessage(message: Exclude<ChildMessage, { kind: 'ready' }>): void {
    // A late answer would make the child that is being killed look idle.
    if (this.#killedFor) return
    this.#meter?.record(message.used)
    if (message.kind === 'working') return
    this.#stopMeter()
    this.tasks++
    this.growthBytes = message.used.residentBytes - this.#baselineBytes
    const assignment = this.#assignment
    this.#assignment = undefined
    if (message.kind === 'done') assignment?.resolve(message.result as never)
    else if (message.kind === 'failed') assignment?.reject(new Error(message.detail))
    else {
      const { code, message: text, remedy } = message.error
      assignment?.reject(new HeraldError(code, text, remedy === undefined ? {} : { remedy }))
    }
  }

  #stopMeter(): void {
    if (this.#meter) this.#usage = this.#meter.stop()
    this.#meter = undefined
  }

  #end(): ExitReason {
    const reason = this.#killedFor ?? 'crash'
    this.#stopMeter()
    // After a crash, what the child spawned still runs.
    this.#killGroup()
    if (this.pid !== undefined) this.#guardian.drop(this.pid)
    rmSync(this.#folder, { recursive: true, force: true })
    this.#assignment?.reject(exitError(reason))
    this.#assignment = undefined
    return reason
  }
}

/** The error of a task whose child exited for no reason in its conversion. */
function exitError(reason: ExitReason): HeraldError {
  if (reason !== 'crash') {
    return new HeraldError('HERALD_CANCELLED', 'The conversion was cancelled.')
  }
  return new HeraldError(
    'HERALD_INTERNAL',
    'The child process crashed while it converted this file.',
    {
      remedy: 'Try again. If it happens again, the file itself may be the cause.',
    },
  )
}
