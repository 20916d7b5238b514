import { statSync } from 'node:fs'
import type { HeraldError } from '@herald/proto/errors'
import type { Slowness } from '../engines/engine.js'
import { type Budget, cpuExceeded, memoryExceeded, outputExceeded, timeExceeded } from './budget.js'
import type { Child, ExitReason } from './child.js'
import type { Task, TaskResult } from './messages.js'
import type { Usage } from './usage.js'

/** A task that waits for a child. */
export interface QueuedTask {
  readonly group: TaskGroup
  /** May run on the child for short tasks. */
  readonly isShort: boolean
  /** Runs the task on the child. Resolves when it is over, even if it failed. */
  start(child: Child, threads: number): Promise<void>
  reject(error: unknown): void
}

interface TaskGroupOptions {
  readonly budget: Budget
  readonly enqueue: (queued: QueuedTask) => void
}

/**
 * The work of one conversion, whose tasks may run on several children at once. If one fails, the
 * budget is exceeded or the conversion is cancelled, all of them end.
 */
export class TaskGroup {
  /** When the upload was complete, in milliseconds of a monotonic clock. */
  arrivedAt = performance.now()
  /** The estimated time of all of it, in milliseconds; set when the header was read. */
  expectedMs = 0
  /** Why it may take too long, for the error; set when the header was read. */
  slowness: Slowness | undefined
  /** Time in which tasks waited and none ran, in milliseconds. */
  queueMs = 0
  /** Peak memory of one child, in bytes. */
  peakBytes = 0
  readonly #options: TaskGroupOptions
  readonly #running = new Map<Child, Task>()
  readonly #waiting = new Set<QueuedTask>()
  readonly #outputs = new Map<string, number>()
  #usedMs = 0
  #cpuMs = 0
  #runningSince: number | undefined
  #timer: NodeJS.Timeout | undefined
  #waitingSince: number | undefined
  #failure: HeraldError | undefined

  constructor(options: TaskGroupOptions) {
    this.#options = options
  }

  get running(): number {
    return this.#running.size
  }

  /**
   * The lowest comes first. A small conversion overtakes a large one only if it arrives within the large
   * one's expected time, so that none starves.
   */
  get priority(): number {
    return this.arrivedAt + this.expectedMs
  }

  /** Time in which tasks ran so far, in milliseconds. */
  get conversionMs(): number {
    return this.#usedMs + this.#runningMs
  }

  get #runningMs(): number {
    return this.#runningSince === undefined ? 0 : performance.now() - this.#runningSince
  }

  /** Processor time so far. */
  get cpuMs(): number {
    let sum = this.#cpuMs
    for (const child of this.#running.keys()) sum += child.usage.cpuMs
    return sum
  }

  /** Runs a task on the next free child, and calls `onStart` when there is one. */
  run<T extends Task>(task: T, isShort: boolean, onStart?: () => void): Promise<Run<T>> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure)
      const queued: QueuedTask = {
        group: this,
        isShort,
        start: async (child, threads) => {
          this.#waiting.delete(queued)
          this.#begin(child, task)
          onStart?.()
          const from = performance.now()
          try {
            const { result, usage } = await child.run(task, threads, (used) =>
              this.#check(child, used),
            )
            this.#check(child, usage)
            if (this.#failure) reject(this.#failure)
            else resolve({ result, ms: performance.now() - from })
          } catch (error) {
            this.#check(child, child.usage)
            reject(this.#failure ?? error)
          } finally {
            this.#finish(child)
          }
        },
        reject,
      }
      this.#waiting.add(queued)
      if (this.#running.size === 0) this.#waitingSince ??= performance.now()
      this.#options.enqueue(queued)
    })
  }

  /** Kills the running children and rejects waiting and later tasks. */
  abort(reason: ExitReason, failure: HeraldError): void {
    this.#failure ??= failure
    for (const child of this.#running.keys()) child.kill(reason)
    for (const queued of this.#waiting) queued.reject(this.#failure)
    this.#waiting.clear()
  }

  /** Whether it still waits for a child; false once it was rejected. */
  isQueued(queued: QueuedTask): boolean {
    return this.#waiting.has(queued)
  }

  /** Aborts all if the budget is exceeded. */
  #check(child: Child, { peakBytes }: Usage): void {
    const { budget } = this.#options
    this.peakBytes = Math.max(this.peakBytes, peakBytes)
    if (this.#failure) return
    if (peakBytes > budget.memoryBytes) this.abort('memory', memoryExceeded(budget))
    else if (this.cpuMs > budget.cpuMs) this.abort('cpu', cpuExceeded(budget, this.slowness))
    else if (this.#outputBytes(child) > budget.maxOutputBytes) {
      this.abort('output', outputExceeded(budget))
    }
  }

  /** Bytes of all renditions so far, the growing one included. */
  #outputBytes(child: Child): number {
    const task = this.#running.get(child)
    if (task?.kind === 'convert') {
      const { size = 0 } = statSync(task.target, { throwIfNoEntry: false }) ?? {}
      this.#outputs.set(task.target, size)
    }
    let sum = 0
    for (const bytes of this.#outputs.values()) sum += bytes
    return sum
  }

  #begin(child: Child, task: Task): void {
    const now = performance.now()
    if (this.#running.size === 0) {
      this.queueMs += now - (this.#waitingSince ?? now)
      this.#waitingSince = undefined
      this.#runningSince = now
      const { budget } = this.#options
      const leftMs = Math.max(0, budget.timeoutMs - this.#usedMs)
      this.#timer = setTimeout(
        () => this.abort('timeout', timeExceeded(budget, this.slowness)),
        leftMs,
      )
    }
    this.#running.set(child, task)
  }

  #finish(child: Child): void {
    this.#cpuMs += child.usage.cpuMs
    this.#running.delete(child)
    if (this.#running.size > 0) return
    clearTimeout(this.#timer)
    this.#usedMs += this.#runningMs
    this.#runningSince = undefined
    if (this.#waiting.size > 0) this.#waitingSince = performance.now()
  }
}

/** A task that was run. */
export interface Run<T extends Task> {
  readonly result: TaskResult<T>
  /** The time the child took, in milliseconds. */
  readonly ms: number
}
