import type { EngineReport } from '../engines/engine.js'
import type { Budget } from './budget.js'
import { Child, type ChildOptions, type ExitReason } from './child.js'
import { chooseTask } from './choose-task.js'
import { type Confinement, probeConfinement, weaken } from './confinement.js'
import { Guardian } from './guardian.js'
import { hasReplacements, type Member, needsReplacement, type Recycle } from './member.js'
import { type QueuedTask, TaskGroup } from './task-group.js'

/** The delay before replacing a child that exited before it was ready. */
const respawnDelayMs = 1000
/** For files that programs started by a child write beside the rendition. */
const spareFileBytes = 64 * 1024 ** 2
/** More threads take more memory and were not measured. */
const maxThreads = 2

interface PoolOptions extends Pick<ChildOptions, 'folder' | 'env' | 'logger'> {
  readonly children: number
  readonly budget: Budget
  /** A child is replaced after that many tasks, or when its memory has grown by that much. */
  readonly recycle: Recycle
  /** Called for each child that ended. */
  readonly onExit: (reason: ExitReason) => void
}

/**
 * Running children with one task each, and one more that takes only short tasks while the others
 * are busy: long tasks do not delay short ones, and no core idles between two tasks of a child
 * (measured: 7 % of the processor time). A child that exits is replaced.
 */
export class Pool {
  readonly #options: PoolOptions
  readonly #guardian = new Guardian()
  readonly #members = new Set<Member>()
  #confinement: Confinement
  #waiting: QueuedTask[] = []
  #closing = false

  private constructor(options: PoolOptions, confinement: Confinement) {
    this.#options = options
    this.#confinement = confinement
  }

  /** Starts the children. Rejects, leaving none behind, if they cannot run on this machine. */
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
        const next = weaken(confinement)
        if (!next) throw error
        logger.warn(
          { without: next.missing },
          'children do not start with these restrictions; trying again with fewer',
        )
        confinement = next
      }
    }
  }

  /** The restrictions of the children, and those that this machine does not support. */
  get confinement(): Pick<Confinement, 'enforced' | 'missing'> {
    return this.#confinement
  }

  /** Tasks that wait for a child. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Children alive now. */
  get pids(): number[] {
    return [...this.#members].flatMap(({ child }) => child.pid ?? [])
  }

  /** The work of one conversion; `budget` overrides the default. */
  openTasks({ budget }: { budget?: Partial<Budget> } = {}): TaskGroup {
    return new TaskGroup({
      budget: { ...this.#options.budget, ...budget },
      enqueue: (queued) => {
        this.#waiting.push(queued)
        this.#dispatch()
      },
    })
  }

  /** Kills every child. Idempotent; resolves when all have exited. */
  async close(): Promise<void> {
    this.#closing = true
    const started = [...this.#members].map(({ child }) => child)
    for (const child of started) child.kill('cancelled')
    await Promise.all(started.map(({ gone }) => gone))
    await this.#guardian.close()
  }

  /** Starts the missing children; one that is retiring counts as missing. */
  #fill(): Child[] {
    const staying = [...this.#members].filter(({ retiring }) => !retiring)
    const shortOnly = staying.filter((member) => member.shortTasksOnly).length
    const started: Child[] = []
    for (let count = staying.length - shortOnly; count < this.#options.children; count++) {
      started.push(this.#spawn(false))
    }
    if (shortOnly === 0) started.push(this.#spawn(true))
    return started
  }

  #spawn(shortTasksOnly: boolean): Child {
    const child = new Child({
      ...this.#options,
      confinement: this.#confinement,
      guardian: this.#guardian,
    })
    const member: Member = { child, shortTasksOnly, state: 'starting', retiring: false }
    this.#members.add(member)
    child.ready.then(
      () => {
        this.#retireOne(shortTasksOnly)
        this.#release(member)
      },
      () => {},
    )
    child.gone.then((reason) => {
      const wasReady = member.state !== 'starting'
      member.state = 'gone'
      this.#members.delete(member)
      if (this.#closing) return
      this.#options.onExit(reason)
      const { logger } = this.#options
      if (reason === 'retired') logger.debug({ child: child.pid }, 'child retired')
      else logger.warn({ child: child.pid, reason }, 'child exited and is replaced')
      if (wasReady) this.#fill()
      else setTimeout(() => this.#closing || this.#fill(), respawnDelayMs).unref()
    })
    return child
  }

  #release(member: Member): void {
    if (member.state === 'gone') return
    member.state = 'idle'
    this.#dispatch()
  }

  #dispatch(): void {
    this.#waiting = this.#waiting.filter((queued) => queued.group.isQueued(queued))
    for (;;) {
      const idle = [...this.#members].filter(({ state }) => state === 'idle')
      const member = idle.find(({ shortTasksOnly }) => !shortTasksOnly) ?? idle[0]
      if (!member) return
      const next = chooseTask(this.#waiting, member.shortTasksOnly)
      if (!next) return
      this.#waiting.splice(this.#waiting.indexOf(next), 1)
      void this.#serve(member, next)
    }
  }

  /** Idle cores are shared out: a second thread saves 5 % of a single JPEG's time, 10 % of an AVIF's. */
  get #threads(): number {
    const busy = [...this.#members].filter(({ state }) => state === 'busy').length
    const each = Math.floor(this.#options.children / (busy + this.#waiting.length))
    return Math.min(Math.max(1, each), maxThreads)
  }

  async #serve(member: Member, queued: QueuedTask): Promise<void> {
    member.state = 'busy'
    await queued.start(member.child, this.#threads)
    // The next task of the same conversion, if it follows from this result, is enqueued first.
    setImmediate(() => {
      if (
        member.retiring &&
        hasReplacements(this.#members, member.shortTasksOnly, this.#options.children)
      )
        member.child.kill('retired')
      else {
        if (needsReplacement(member, this.#options.recycle)) {
          member.retiring = true
          this.#fill()
        }
        this.#release(member)
      }
    })
  }

  /** A replacement is ready: an idle child that it replaces is ended. */
  #retireOne(shortTasksOnly: boolean): void {
    for (const member of this.#members) {
      if (member.retiring && member.shortTasksOnly === shortTasksOnly && member.state === 'idle') {
        member.state = 'gone'
        member.child.kill('retired')
        return
      }
    }
  }
}
