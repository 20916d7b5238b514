import { readdirSync, readFileSync } from 'node:fs'

/** The number of futex(2) among the system calls; elsewhere nothing is done. */
const futex = ({ x64: '202', arm64: '98' } as Record<string, string>)[process.arch]

let handlesSignal = false

/**
 * Makes this process' threads that wait for a lock shared between processes look at it again.
 *
 * LMDB's writer lock can forget a waiter: whoever unlocks wakes one waiter and clears the note
 * that there are more, which the one woken puts back. Killed with -9 in between, it does not, and
 * the others sleep on although the lock is free (seen in 1 of 100 kills among three busy writers).
 * A signal to the very thread ends its wait; glibc then reads the lock anew.
 */
function recheckLocks(): void {
  if (process.platform !== 'linux' || futex === undefined) return
  if (!handlesSignal) {
    // Ignored by default, and a signal that is ignored wakes nobody.
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
      // The thread has ended, or the system does not show what it does.
    }
  }
}

/** Watches over writes that wait for their turn: where none gets it for `patienceMs`, locks are read anew. */
export class LockWatch {
  readonly #patienceMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(patienceMs = 250) {
    this.#patienceMs = patienceMs
  }

  began(): void {
    this.#timer = setInterval(recheckLocks, this.#patienceMs)
  }

  tookTurn(): void {
    this.#timer?.refresh()
  }

  ended(): void {
    clearInterval(this.#timer)
  }
}
