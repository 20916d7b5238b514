import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { parseProcessName, processName, processState } from './process-identity.js'
import { StoreError } from './store-error.js'

/** A process that is in the gate for longer hangs. */
const maxWaitMs = 30_000

/**
 * Keeps processes from committing to a store while another one opens it.
 *
 * LMDB as lmdb brings it (mdb.c, mdb_env_open2) reads the number of the last commit when it opens
 * a file and puts it into the shared lock region a moment later, without the writer lock. A commit
 * of another process in between is undone by the one after it: acknowledged, synced, and gone
 * (seen in 1 of 2,500 openings next to a busy writer, with crashes in its wake).
 *
 * An opener makes a file `opening-…`, then waits until there is no other and no writer's file says
 * that it is writing; a writer changes its file first, then looks for openers. So at least one
 * sees the other, and it is the writer that steps back. Files of dead processes do not count; those
 * of processes that cannot be judged (another PID namespace) count while they are fresh.
 */
export class StoreGate {
  readonly #folder: string
  readonly #writing: string
  readonly #file: number
  #inside = 0
  #closed = false

  constructor(directory: string) {
    this.#folder = join(directory, 'gate')
    this.#writing = join(this.#folder, `writing-${processName}`)
    mkdirSync(this.#folder, { recursive: true })
    // Its one byte is written now, and only in place later: a disk that filled up stops no write here.
    this.#file = openSync(this.#writing, 'w')
    writeSync(this.#file, '0', 0)
  }

  /**
   * Runs `open` while no other process commits or opens. Blocks until they are done: some
   * milliseconds. So `open` may commit, and wait for LMDB's writer lock, which nobody else wants.
   */
  open<T>(open: () => T): T {
    const sign = `opening-${processName}`
    const path = join(this.#folder, sign)
    try {
      blockUntil(
        () => {
          writeFileSync(path, '')
          if (this.#shown('opening-').every((name) => name === sign)) return true
          // Two openers may both step back: the random wait decides which one returns first.
          rmSync(path)
          return false
        },
        () => this.#shown('opening-').find((name) => name !== sign),
      )
      blockUntil(
        () => !this.#shown('writing-').some((name) => this.#isWriting(name)),
        () => this.#shown('writing-').find((name) => this.#isWriting(name)),
      )
      return open()
    } finally {
      rmSync(path, { force: true })
    }
  }

  /** Whether this process may commit now; then `leave` is to be called once it is done. */
  enter(): boolean {
    if (this.#inside === 0) writeSync(this.#file, '1', 0)
    this.#inside += 1
    if (this.#shown('opening-').length === 0) return true
    this.leave()
    return false
  }

  leave(): void {
    this.#inside -= 1
    if (this.#inside === 0) writeSync(this.#file, '0', 0)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    closeSync(this.#file)
    rmSync(this.#writing, { force: true })
  }

  /** The files of that kind that count; removes those of dead processes. */
  #shown(kind: string): string[] {
    return readdirSync(this.#folder).filter((name) => {
      if (!name.startsWith(kind)) return false
      const path = join(this.#folder, name)
      const state = processState(parseProcessName(name.slice(kind.length)))
      if (state === 'unknown') return isFresh(path)
      if (state === 'dead') rmSync(path, { force: true })
      return state === 'alive'
    })
  }

  /** Whether another process is. This one cannot end a write while it blocks. */
  #isWriting(name: string): boolean {
    const path = join(this.#folder, name)
    try {
      return path !== this.#writing && readFileSync(path, 'latin1') === '1'
    } catch {
      return false
    }
  }
}

/** Whether it was made or written to as lately as a process in the gate may have done. */
function isFresh(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false })
  return status !== undefined && Math.abs(Date.now() - status.mtimeMs) < maxWaitMs
}

/** `holder`: the name of the file of the process that is waited for. */
function blockUntil(condition: () => boolean, holder: () => string | undefined): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  const deadline = performance.now() + maxWaitMs
  while (!condition()) {
    if (performance.now() > deadline) {
      const { pid } = parseProcessName((holder() ?? '').replace(/^\w+-/, ''))
      throw new StoreError(
        'STORE_FAILED',
        `Process ${pid} has kept the store busy for ${maxWaitMs / 1000} s. It hangs or is stopped: continue it (kill -CONT) or end it, and try again.`,
      )
    }
    Atomics.wait(sleeper, 0, 0, 1 + Math.random() * 4)
  }
}
