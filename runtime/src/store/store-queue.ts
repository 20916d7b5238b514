import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { StoreGate } from './store-gate.js'

interface PendingWrite {
  /** Commits a change. Calls `enter` when it has the writer lock; if that returns false, it rolls back. */
  readonly commit: (enter: () => boolean) => Promise<unknown>
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
}

/** Runs writes in order; all that are pending when a commit ends share the next one. */
export class WriteQueue {
  readonly #gate: StoreGate
  readonly #watch = new LockWatch()
  #pending: PendingWrite[] = []
  #draining: Promise<void> | undefined

  constructor(gate: StoreGate) {
    this.#gate = gate
  }

  add<T>(commit: (enter: () => boolean) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({ commit, resolve, reject })
      this.#draining ??= this.#drain()
    })
  }

  /** Resolves when no write is pending. */
  async idle(): Promise<void> {
    while (this.#draining) await this.#draining
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending
      this.#pending = []
      const refused = await this.#commitBatch(batch)
      if (refused.length === 0) continue
      this.#pending.unshift(...refused)
      await delay(1)
    }
    // In the same turn as the check above: nothing may be added in between.
    this.#draining = undefined
  }

  /** Resolves to those to run again: if one is refused, so are all after it. */
  async #commitBatch(batch: readonly PendingWrite[]): Promise<PendingWrite[]> {
    let inside: boolean | undefined
    const enter = () => {
      if (inside === undefined) {
        this.#watch.gotLock()
        inside = this.#gate.enter()
      }
      return inside
    }
    const refused: PendingWrite[] = []
    this.#watch.start()
    try {
      await Promise.all(
        batch.map(async (write) => {
          try {
            const result = await write.commit(enter)
            write.resolve(result as never)
          } catch (error) {
            if (error === gateIsClosed) refused.push(write)
            else write.reject(error)
          }
        }),
      )
    } finally {
      if (inside) this.#gate.leave()
      this.#watch.stop()
    }
    return refused
  }
}

/** What `commit` rejects with if `enter` returned false. */
export const gateIsClosed = Symbol('the gate is closed')

/** The system call number of futex(2); on other systems nothing is done. */
const futex = ({ x64: '202', arm64: '98' } as Record<string, string>)[process.arch]

let handlesSignal = false

/**
 * Makes the threads of this process that wait for a lock shared between processes check it again.
 *
 * LMDB's writer lock can lose a wakeup: unlocking wakes one waiter and clears the mark that there are
 * more, which the woken one sets again. If it is killed with -9 in between, the others sleep on
 * although the lock is free (seen in 1 of 100 kills among three busy writers). A signal to the
 * thread ends its wait; glibc then reads the lock again.
 */
function recheckLocks(): void {
  if (process.platform !== 'linux' || futex === undefined) return
  if (!handlesSignal) {
    // It is ignored by default, and an ignored signal wakes no thread.
    process.on('SIGURG', () => {})
    handlesSignal = true
  }
  for (const thread of readdirSync('/proc/self/task')) {
    try {
      // proc(5): number and arguments. Operation 0 is FUTEX_WAIT on memory shared between processes.
      const [call, , operation] = readFileSync(`/proc/self/task/${thread}/syscall`, 'latin1').split(
        ' ',
      )
      if (call === futex && operation === '0x0') process.kill(Number(thread), 'SIGURG')
    } catch {
      // The thread has ended, or the system does not show its call.
    }
  }
}

const lockCheckIntervalMs = 250

/** While writes are pending, rechecks locks if none has got the writer lock for an interval. */
class LockWatch {
  #timer: NodeJS.Timeout | undefined

  start(): void {
    this.#timer = setInterval(recheckLocks, lockCheckIntervalMs)
  }

  gotLock(): void {
    this.#timer?.refresh()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
