import { mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { processState } from '@herald/runtime/process-identity'
import type { GroupMember } from './groups.js'

/**
 * Signs of life of the processes that subscribe: files whose time of change each renews, which
 * costs no sync. A killed process is known by its pid; a stopped one by a mark that stands still
 * for the session timeout by the observer's own clock, so that setting a clock kills nobody.
 */
export class Presence {
  /** Names this broker's sign of life. */
  readonly mark: string
  readonly #directory: string
  readonly #sessionTimeoutMs: number
  readonly #seen = new Map<string, { changedMs: number; at: number }>()
  #renewedAt = Number.NEGATIVE_INFINITY
  #lookedAt = performance.now()

  constructor(directory: string, mark: string, sessionTimeoutMs: number) {
    this.#directory = join(directory, 'members')
    this.mark = mark
    this.#sessionTimeoutMs = sessionTimeoutMs
    mkdirSync(this.#directory, { recursive: true })
  }

  /** To be called several times per session timeout. Renews the sign where it is due. */
  renew(): void {
    const now = performance.now()
    // Who was stopped itself has not been looking, and the others deserve their time anew.
    if (this.overslept) this.#seen.clear()
    this.#lookedAt = now
    if (now - this.#renewedAt < this.#sessionTimeoutMs / 5) return
    this.#renewedAt = now
    const time = Date.now() / 1000
    try {
      utimesSync(this.#path(this.mark), time, time)
    } catch {
      // Absent at first, or taken away by whoever thought us dead.
      writeFileSync(this.#path(this.mark), '')
    }
  }

  /** `renew` is so late that the others may think us dead. */
  get overslept(): boolean {
    return performance.now() - this.#lookedAt > this.#sessionTimeoutMs / 2
  }

  isLive({ process, mark }: GroupMember): boolean {
    if (mark === this.mark) return true
    if (processState(process) === 'dead') return false
    const now = performance.now()
    const changedMs = statSync(this.#path(mark), { throwIfNoEntry: false })?.mtimeMs ?? 0
    const seen = this.#seen.get(mark)
    if (seen?.changedMs === changedMs) return now - seen.at < this.#sessionTimeoutMs
    this.#seen.set(mark, { changedMs, at: now })
    return true
  }

  /** Removes the sign of one that is gone. */
  forget(mark: string): void {
    this.#seen.delete(mark)
    rmSync(this.#path(mark), { force: true })
  }

  #path(mark: string): string {
    return join(this.#directory, mark)
  }
}
