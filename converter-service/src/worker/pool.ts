import type { EngineReport } from '../engines/engine.js'
import type { Budget } from './budget.js'
import { type Confinement, probeConfinement, weaker } from './confinement.js'
import { Guardian } from './guardian.js'
import { Job, type Waiting } from './job.js'
import { hasFresh, isWorn, type Member, type Recycle } from './member.js'
import { chooseTask } from './turn.js'
import { type DeathReason, Worker, type WorkerOptions } from './worker.js'

/** How long to wait before replacing a child that died before it was ready. */
const respawnDelayMs = 1000
/** Programs that a child starts write files of their own beside the rendition. */
const spareFileBytes = 64 * 1024 ** 2
/** More was not measured, and takes more memory. */
const maxThreads = 2

interface PoolOptions extends Pick<WorkerOptions, 'folder' | 'env' | 'logger'> {
  readonly workers: number
  readonly budget: Budget
  /** After so many tasks, or holding so many bytes more than when it was ready, a child is replaced. */
  readonly recycle: Recycle
  /** Called for each child that ended. */
  readonly onDeath: (reason: DeathReason) => void
}

/**
 * Warm children, each with one task at a time, and one more that takes only short tasks, while the
 * others are busy: long ones do not hold them up, and no core idles while a child waits for its next.
 * Measured: with as many busy children as cores, 7 % of the processor's time. Whichever dies is replaced.
 */
export class Pool {
  readonly #options: PoolOptions
  readonly #guardian = new Guardian()
  readonly #members = new Set<Member>()
  #confinement: Confinement
  #waiting: Waiting[] = []
  #closing = false

  private constructor(options: PoolOptions, confinement: Confinement) {
    this.#options = options
    this.#confinement = confinement
  }

  /** Starts the children. Rejects, leaving none behind, when they cannot work on this machine. */
  static async start(
    options: PoolOptions,
  ): Promise<{ pool: Pool; engines: readonly EngineReport[] }> {
    const { folder, budget, logger } = options
    const maxFileBytes = budget.maxOutputBytes + spareFileBytes
    const program = options.env['HERALD_SOFFICE']
    let confinement = await probeConfinement({
      folder,
      maxFileBytes,
      ...(program ? { program } : {}),
    })
    for (;;) {
      const pool = new Pool(options, confinement)
      try {
        const reports = await Promise.all(pool.#fill().map(({ ready }) => ready))
        return { pool, engines: reports[0] ?? [] }
      } catch (error) {
        await pool.close()
        const next = weaker(confinement)
        if (!next) throw error
        logger.warn({ without: next.lacks }, 'the children do not start with so few rights')
        confinement = next
      }
    }
  }

  /** Which rights the children do without, and which they keep because this machine cannot take them. */
  get confinement(): Pick<Confinement, 'has' | 'lacks'> {
    return this.#confinement
  }

  /** Tasks that wait for a worker. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Children alive now. */
  get pids(): number[] {
    return [...this.#members].flatMap(({ worker }) => worker.pid ?? [])
  }

  /** The work of one conversion; `budget` where it differs from everybody's. */
  openJob({ budget }: { budget?: Partial<Budget> } = {}): Job {
    return new Job({
      budget: { ...this.#options.budget, ...budget },
      enqueue: (waiting) => {
        this.#waiting.push(waiting)
        this.#dispatch()
      },
    })
  }

  /** Kills every child. Idempotent; resolves when all are gone. */
  async close(): Promise<void> {
    this.#closing = true
    const workers = [...this.#members].map(({ worker }) => worker)
    for (const worker of workers) worker.kill('cancelled')
    await Promise.all(workers.map(({ gone }) => gone))
    await this.#guardian.close()
  }

  /** Starts as many children as are missing; those who are about to retire are missing already. */
  #fill(): Worker[] {
    const staying = [...this.#members].filter(({ retiring }) => !retiring)
    const express = staying.filter((member) => member.express).length
    const started: Worker[] = []
    for (let count = staying.length - express; count < this.#options.workers; count++) {
      started.push(this.#spawn(false))
    }
    if (express === 0) started.push(this.#spawn(true))
    return started
  }

  #spawn(express: boolean): Worker {
    const worker = new Worker({
      ...this.#options,
      confinement: this.#confinement,
      guardian: this.#guardian,
    })
    const member: Member = { worker, express, state: 'starting', retiring: false }
    this.#members.add(member)
    worker.ready.then(
      () => {
        this.#retireOne(express)
        this.#release(member)
      },
      () => {},
    )
    worker.gone.then((reason) => {
      const wasReady = member.state !== 'starting'
      member.state = 'gone'
      this.#members.delete(member)
      if (this.#closing) return
      this.#options.onDeath(reason)
      const { logger } = this.#options
      if (reason === 'retired') logger.debug({ child: worker.pid }, 'a child is retired')
      else logger.warn({ child: worker.pid, reason }, 'a child ended and is replaced')
      if (wasReady) this.#fill()
      else setTimeout(() => this.#closing || this.#fill(), respawnDelayMs).unref()
    })
    return worker
  }

  #release(member: Member): void {
    if (member.state === 'gone') return
    member.state = 'idle'
    this.#dispatch()
  }

  #dispatch(): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.job.wants(waiting))
    for (;;) {
      const idle = [...this.#members].filter(({ state }) => state === 'idle')
      const member = idle.find(({ express }) => !express) ?? idle[0]
      if (!member) return
      const next = chooseTask(this.#waiting, member.express)
      if (!next) return
      this.#waiting.splice(this.#waiting.indexOf(next), 1)
      void this.#serve(member, next)
    }
  }

  /** A core that no other task wants may work at this one: of a lone JPEG it saves 5 %, of an AVIF 10. */
  get #threads(): number {
    const busy = [...this.#members].filter(({ state }) => state === 'busy').length
    const each = Math.floor(this.#options.workers / (busy + this.#waiting.length))
    return Math.min(Math.max(1, each), maxThreads)
  }

  async #serve(member: Member, waiting: Waiting): Promise<void> {
    member.state = 'busy'
    await waiting.start(member.worker, this.#threads)
    // Whoever waited for this result may have the next task of the same job: it comes first.
    setImmediate(() => {
      if (member.retiring && hasFresh(this.#members, member.express, this.#options.workers))
        member.worker.kill('retired')
      else {
        if (isWorn(member, this.#options.recycle)) {
          member.retiring = true
          this.#fill()
        }
        this.#release(member)
      }
    })
  }

  /** A fresh child came: one that it is to replace goes, now or when its task is done. */
  #retireOne(express: boolean): void {
    for (const member of this.#members) {
      if (member.retiring && member.express === express && member.state === 'idle') {
        member.state = 'gone'
        member.worker.kill('retired')
        return
      }
    }
  }
}
