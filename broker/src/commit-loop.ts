import { setTimeout as delay } from 'node:timers/promises'

export interface CommitLoopOptions {
  /** A commit is made so many milliseconds after there is something to commit: acknowledgements share it. */
  readonly everyMs: number
  /** The wait after a commit that failed. */
  readonly retryMs: number
  readonly isDue: () => boolean
  /** Whether not to wait: little room is left because of what is not committed. */
  readonly isUrgent: () => boolean
  /** Commits what is due. Resolves to false if it failed; never rejects. */
  readonly commit: () => Promise<boolean>
}

/** Commits as long as something is due, one commit at a time. */
export class CommitLoop {
  readonly #options: CommitLoopOptions
  readonly #stopping = new AbortController()
  #hurry = new AbortController()
  #running: Promise<void> | undefined

  constructor(options: CommitLoopOptions) {
    this.#options = options
  }

  /** Something may be due. */
  wake(): void {
    if (this.#stopping.signal.aborted) return
    this.#running ??= this.#run()
    if (this.#options.isUrgent()) this.#hurry.abort()
  }

  /** Begins no more commits; resolves when none is under way. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#hurry.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { everyMs, retryMs, isDue, isUrgent, commit } = this.#options
    const { signal: stopping } = this.#stopping
    do {
      this.#hurry = new AbortController()
      if (!isUrgent()) await sleep(everyMs, this.#hurry.signal)
      if (stopping.aborted) break
      if (!(await commit())) await sleep(retryMs, stopping)
    } while (!stopping.aborted && isDue())
    // In the same turn as the check above: nothing may become due in between.
    this.#running = undefined
  }
}

const sleep = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal }).catch(() => {})
