import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { createFolderSync } from '../create-folder.js'
import { parseProcessName, processName, processState } from '../process-identity.js'
import { StoreError } from './store-error.js'

/** A process that opens or commits for longer hangs. */
const maxWaitMs = 30_000

/**
 * Prevents processes from committing to a store while another one opens it.
 *
 * The LMDB of the package lmdb (mdb.c, mdb_env_open2) reads the number of the last commit when it
 * opens a file and writes it to the shared lock region later, without the writer lock. A commit of
 * another process in between is acknowledged and synced, but lost with the next commit (seen in 1 of
 * 2,500 openings beside a busy writer, also with crashes).
 *
 * An opener creates a file `opening-…`, then waits until there is no other opener and no writer's
 * file is set to writing. A writer sets its file first, then looks for openers. So at least one
 * sees the other, and the writer gives way. Files of ended processes are ignored; those of unknown
 * processes (another PID namespace) are respected while they are fresh.
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
    createFolderSync(this.#folder)
    // One byte is allocated now and overwritten later, which works on a full disk too.
    this.#file = openSync(this.#writing, 'w')
    writeSync(this.#file, '0', 0)
  }

  /**
   * Runs `open` while no other process commits or opens. Blocks for some milliseconds until they are
   * done. So `open` may commit and take LMDB's writer lock, which no other process waits for.
   */
  open<T>(open: () => T): T {
    const ownName = `opening-${processName}`
    const path = join(this.#folder, ownName)
    try {
      blockUntil(
        () => {
          writeFileSync(path, '')
          if (this.#present('opening-').every((name) => name === ownName)) return true
          // Two openers may both step back: the random wait decides which one returns first.
          rmSync(path)
          return false
        },
        () => this.#present('opening-').find((name) => name !== ownName),
      )
      blockUntil(
        () => !this.#present('writing-').some((name) => this.#isWriting(name)),
        () => this.#present('writing-').find((name) => this.#isWriting(name)),
      )
      return open()
    } finally {
      rmSync(path, { force: true })
    }
  }

  /** Whether this process may commit now; then call `leave` when it is done. */
  enter(): boolean {
    if (this.#inside === 0) writeSync(this.#file, '1', 0)
    this.#inside += 1
    if (this.#present('opening-').length === 0) return true
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

  /** The files of that kind, without those of ended processes, which it removes. */
  #present(kind: string): string[] {
    return readdirSync(this.#folder).filter((name) => {
      if (!name.startsWith(kind)) return false
      const path = join(this.#folder, name)
      const state = processState(parseProcessName(name.slice(kind.length)))
      if (state === 'unknown') return isFresh(path)
      if (state === 'ended') rmSync(path, { force: true })
      return state === 'running'
    })
  }

  /** Whether another process is writing. This one could not finish a write while it blocks. */
  #isWriting(name: string): boolean {
    const path = join(this.#folder, name)
    try {
      return path !== this.#writing && readFileSync(path, 'latin1') === '1'
    } catch {
      return false
    }
  }
}

/** Whether the file was written so recently that its process may still be opening or committing. */
function isFresh(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false })
  return status !== undefined && Math.abs(Date.now() - status.mtimeMs) < maxWaitMs
}

/** `holder` returns the file name of the process that is waited for. */
function blockUntil(condition: () => boolean, holder: () => string | undefined): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  const deadline = performance.now() + maxWaitMs
  while (!condition()) {
    if (performance.now() > deadline) {
      const { pid } = parseProcessName((holder() ?? '').replace(/^\w+-/, ''))
      throw new StoreError(
        'STORE_FAILED',
        `Process ${pid} has kept the store busy for ${maxWaitMs / 1000} s. It hangs or is stopped: continue it (kill -CONT) or kill it, and try again.`,
      )
    }
    Atomics.wait(sleeper, 0, 0, 1 + Math.random() * 4)
  }
}
