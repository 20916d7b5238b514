import type { EngineReport } from '../engines/engine.js'
import { Job, type JobOptions, type Waiting } from './job.js'
import { type DeathReason, Worker, type WorkerOptions } from './worker.js'

/** How long to wait before replacing a child that died before it was ready. */
const respawnDelayMs = 1000

export interface PoolOptions extends WorkerOptions {
  readonly workers: number
  readonly timeoutMs: number
  /** Told of each child that ended before its time. */
  readonly onDeath: (reason: DeathReason) => void
}

/** Warm children, each with one task at a time; whichever dies is replaced. */
export class Pool {
  readonly #options: PoolOptions
  readonly #workers = new Set<Worker>()
  readonly #idle: Worker[] = []
  #waiting: Waiting[] = []
  #closing = false
  #jobs = 0

  private constructor(options: PoolOptions) {
    this.#options = options
  }

  /** Starts the children. Rejects, leaving none behind, when they cannot work on this machine. */
  static async start(
    options: PoolOptions,
  ): Promise<{ pool: Pool; engines: readonly EngineReport[] }> {
    const pool = new Pool(options)
    try {
      const reports = await Promise.all(
        Array.from({ length: options.workers }, () => pool.#spawn().ready),
      )
      return { pool, engines: reports[0] ?? [] }
    } catch (error) {
      await pool.close()
      throw error
    }
  }

  /** Tasks that wait for a worker. */
  get waiting(): number {
    return this.#waiting.length
  }

  get busy(): number {
    return this.#workers.size - this.#idle.length
  }

  /** Children alive now. */
  get pids(): number[] {
    return [...this.#workers].flatMap(({ pid }) => pid ?? [])
  }

  /** The work of one conversion. */
  openJob(options: Pick<JobOptions, 'onStart'> = {}): Job {
    return new Job({
      ...options,
      timeoutMs: this.#options.timeoutMs,
      number: this.#jobs++,
      enqueue: (waiting) => {
        this.#waiting.push(waiting)
        this.#dispatch()
      },
    })
  }

  /** Kills every child. Idempotent; resolves when all are gone. */
  async close(): Promise<void> {
    this.#closing = true
    const workers = [...this.#workers]
    for (const worker of workers) worker.kill('cancelled')
    await Promise.all(workers.map(({ gone }) => gone))
  }

  #spawn(): Worker {
    const worker = new Worker(this.#options)
    this.#workers.add(worker)
    let wasReady = false
    worker.ready.then(
      () => {
        wasReady = true
        this.#release(worker)
      },
      () => {},
    )
    worker.gone.then((reason) => {
      this.#workers.delete(worker)
      const at = this.#idle.indexOf(worker)
      if (at >= 0) this.#idle.splice(at, 1)
      if (this.#closing) return
      this.#options.onDeath(reason)
      this.#options.logger.warn({ child: worker.pid, reason }, 'a child ended and is replaced')
      if (wasReady) this.#spawn()
      else setTimeout(() => this.#closing || this.#spawn(), respawnDelayMs).unref()
    })
    return worker
  }

  #release(worker: Worker): void {
    if (!this.#workers.has(worker)) return
    this.#idle.push(worker)
    this.#dispatch()
  }

  #dispatch(): void {
    for (let worker = this.#idle.pop(); worker; worker = this.#idle.pop()) {
      const next = this.#takeNext()
      if (!next) {
        this.#idle.push(worker)
        return
      }
      void this.#serve(worker, next)
    }
  }

  async #serve(worker: Worker, waiting: Waiting): Promise<void> {
    await waiting.start(worker)
    // Whoever waited for this result may have the next task of the same job: it comes first.
    setImmediate(() => this.#release(worker))
  }

  /** First come, first served; but a job that has a worker gets a second only when no other waits. */
  #takeNext(): Waiting | undefined {
    this.#waiting = this.#waiting.filter((waiting) => waiting.job.wants(waiting))
    let best: Waiting | undefined
    for (const waiting of this.#waiting) {
      if (!best || waiting.job.running < best.job.running) best = waiting
      else if (waiting.job.running === best.job.running && waiting.job.number < best.job.number)
        best = waiting
    }
    if (best) this.#waiting.splice(this.#waiting.indexOf(best), 1)
    return best
  }
}
