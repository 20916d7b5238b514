import { HeraldError } from '@herald/proto/errors'
import type { Task, TaskResult } from './messages.js'
import type { DeathReason, Worker } from './worker.js'

/** A task that waits for a worker. */
export interface Waiting {
  readonly job: Job
  /** Takes the worker until the task is over, however it ends. */
  start(worker: Worker): Promise<void>
  abandon(error: unknown): void
}

export interface JobOptions {
  /** How long workers may be at it, all in all; waiting does not count. In milliseconds. */
  readonly timeoutMs: number
  /** Its place in the order of arrival. */
  readonly number: number
  readonly enqueue: (waiting: Waiting) => void
  /** Called when the first worker starts on it. */
  readonly onStart?: () => void
}

/**
 * The work of one conversion: its tasks may run on several workers at once. When one fails,
 * the time is up or it is cancelled, all of it ends.
 */
export class Job {
  readonly #options: JobOptions
  readonly #running = new Set<Worker>()
  readonly #waiting = new Set<Waiting>()
  #usedMs = 0
  #clockFrom: number | undefined
  #timer: NodeJS.Timeout | undefined
  #waitFrom: number | undefined
  #startedAt: number | undefined
  #endedAt: number | undefined
  #failure: HeraldError | undefined
  /** Time in which something waited and nothing ran, in milliseconds. */
  queueMs = 0

  constructor(options: JobOptions) {
    this.#options = options
  }

  get number(): number {
    return this.#options.number
  }

  get running(): number {
    return this.#running.size
  }

  /** From the first start to the last end so far, in milliseconds. */
  get conversionMs(): number {
    return this.#startedAt === undefined ? 0 : (this.#endedAt ?? this.#startedAt) - this.#startedAt
  }

  /** Runs a task on the next free worker; `ms` is the time the worker took. */
  run<T extends Task>(task: T): Promise<{ result: TaskResult<T>; ms: number }> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure)
      const waiting: Waiting = {
        job: this,
        start: async (worker) => {
          this.#waiting.delete(waiting)
          this.#begin(worker)
          const from = performance.now()
          try {
            const result = await worker.run(task)
            resolve({ result, ms: performance.now() - from })
          } catch (error) {
            reject(this.#failure ?? error)
          } finally {
            this.#finish(worker)
          }
        },
        abandon: reject,
      }
      this.#waiting.add(waiting)
      if (this.#running.size === 0) this.#waitFrom ??= performance.now()
      this.#options.enqueue(waiting)
    })
  }

  /** Ends all of it: running workers are killed, waiting tasks rejected. Later runs are rejected too. */
  end(reason: DeathReason, failure: HeraldError): void {
    this.#failure ??= failure
    for (const worker of this.#running) worker.kill(reason)
    for (const waiting of this.#waiting) waiting.abandon(this.#failure)
    this.#waiting.clear()
  }

  /** Whether it still waits for a worker: an abandoned one must not get any. */
  wants(waiting: Waiting): boolean {
    return this.#waiting.has(waiting)
  }

  #begin(worker: Worker): void {
    const now = performance.now()
    if (this.#running.size === 0) {
      this.queueMs += now - (this.#waitFrom ?? now)
      this.#waitFrom = undefined
      this.#clockFrom = now
      const leftMs = Math.max(0, this.#options.timeoutMs - this.#usedMs)
      this.#timer = setTimeout(() => this.end('timeout', this.#tooLong()), leftMs)
    }
    this.#running.add(worker)
    if (this.#startedAt === undefined) {
      this.#startedAt = now
      this.#options.onStart?.()
    }
  }

  #finish(worker: Worker): void {
    this.#endedAt = performance.now()
    this.#running.delete(worker)
    if (this.#running.size > 0) return
    clearTimeout(this.#timer)
    this.#usedMs += this.#endedAt - (this.#clockFrom ?? this.#endedAt)
    if (this.#waiting.size > 0) this.#waitFrom = this.#endedAt
  }

  #tooLong(): HeraldError {
    const seconds = this.#options.timeoutMs / 1000
    return new HeraldError(
      'HERALD_TIMEOUT',
      `The conversion took longer than the ${seconds} s this server gives it.`,
      { remedy: 'Ask for a smaller or simpler rendition, or for one at a time.' },
    )
  }
}
