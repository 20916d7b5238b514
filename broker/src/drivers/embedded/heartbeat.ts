import { rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFolderSync } from '@herald/runtime/create-folder'
import { parseProcessName, processName, processState } from '@herald/runtime/process-identity'
import { v7 as uuidv7 } from 'uuid'

/**
 * The heartbeat of one consumer: a file's time of change, which costs no sync. Consumers know each
 * other by the names of their files, which hold the process. A process that ended is recognised by
 * its pid; a stopped one, or one whose pid cannot be looked up from here, by a file that does not
 * change for the session timeout. The observer measures that on its own monotonic clock, so that
 * setting the system's clock ends no session.
 */
export class Heartbeat {
  /** The name of this consumer. */
  readonly name = `${processName}-${uuidv7()}`
  readonly #directory: string
  readonly #sessionTimeoutMs: number
  readonly #observed = new Map<string, { changedMs: number; sinceMs: number }>()
  #beatAtMs = Number.NEGATIVE_INFINITY

  constructor(directory: string, sessionTimeoutMs: number) {
    this.#directory = directory
    this.#sessionTimeoutMs = sessionTimeoutMs
    createFolderSync(directory)
    this.beat()
  }

  /** Changes the file if that is due. To be called at least every fifth of the session timeout. */
  beat(): void {
    const nowMs = performance.now()
    // After a stop of this process, the others get a full session timeout again.
    if (this.overdue) this.#observed.clear()
    if (nowMs - this.#beatAtMs < this.#sessionTimeoutMs / 5) return
    const now = Date.now() / 1000
    try {
      utimesSync(this.#path(this.name), now, now)
    } catch {
      // Not there yet, or removed by a consumer that took over.
      writeFileSync(this.#path(this.name), '')
    }
    this.#beatAtMs = nowMs
  }

  /** Whether the heartbeat is so late that another consumer may have taken over. */
  get overdue(): boolean {
    return performance.now() - this.#beatAtMs > this.#sessionTimeoutMs / 2
  }

  /** Whether the process of that consumer has ended, or its file has not changed for the session timeout. */
  isGone(name: string): boolean {
    if (processState(parseProcessName(name)) === 'ended') return true
    const nowMs = performance.now()
    const changedMs = this.#changedMs(name)
    const observed = this.#observed.get(name)
    if (observed?.changedMs === changedMs) return nowMs - observed.sinceMs >= this.#sessionTimeoutMs
    this.#observed.set(name, { changedMs, sinceMs: nowMs })
    return false
  }

  /** Removes the file of a consumer that is gone. If that one was only stopped, it writes the file again. */
  remove(name: string): void {
    rmSync(this.#path(name), { force: true })
  }

  #changedMs(name: string): number {
    return statSync(this.#path(name), { throwIfNoEntry: false })?.mtimeMs ?? 0
  }

  #path(name: string): string {
    return join(this.#directory, name)
  }
}
