import { HeraldError } from '@herald/proto/errors'
import { PeerLimit } from './peer-limit.js'

/** An admitted conversion: uploading, then working, then downloading. */
export interface Slot {
  /** The upload is complete; resolves when it may be worked on. Rejects when `signal` is aborted. */
  startWork(signal: AbortSignal): Promise<void>
  /** All renditions are made and remain to be sent. */
  endWork(): void
  /** Idempotent. */
  release(): void
}

interface AdmissionOptions {
  /** Conversions at a time whose upload is complete, running or waiting for a child process. */
  readonly maxConversions: number
  /** Uploads and downloads at a time beside those. */
  readonly maxTransfers: number
  /** The most of either that one peer may hold, 0 to 1. */
  readonly peerShare: number
}

/**
 * Limits conversions that run or wait, and, apart from these, uploads and downloads, so that slow
 * transfers do not block work. Admits none once closed.
 */
export class Admission {
  readonly #conversions: PeerLimit
  readonly #transfers: PeerLimit
  readonly #waiting = new Set<() => void>()
  readonly #whenEmpty: (() => void)[] = []
  #closed = false

  constructor({ maxConversions, maxTransfers, peerShare }: AdmissionOptions) {
    this.#conversions = new PeerLimit(maxConversions, peerShare)
    this.#transfers = new PeerLimit(maxTransfers, peerShare)
  }

  get admitted(): number {
    return this.#conversions.held + this.#transfers.held
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Throws HERALD_SHUTTING_DOWN once closed. */
  refuseIfClosed(): void {
    if (!this.#closed) return
    throw new HeraldError('HERALD_SHUTTING_DOWN', 'The server is shutting down.', {
      remedy: 'Try again in a moment.',
    })
  }

  /** Throws HERALD_BUSY or HERALD_SHUTTING_DOWN. `peer` is the address of the caller. */
  admit(peer: string): Slot {
    this.refuseIfClosed()
    this.#conversions.refuseIfFull(peer, 'conversions are running or waiting')
    this.#transfers.refuseIfFull(peer, 'files are being uploaded or downloaded')
    this.#transfers.add(peer)
    let limit: PeerLimit | undefined = this.#transfers
    const moveTo = (next: PeerLimit | undefined) => {
      if (!limit || limit === next) return
      limit.remove(peer)
      limit = next
      next?.add(peer)
      this.#onChange()
    }
    return {
      startWork: (signal) => this.#waitForCapacity(peer, signal, () => moveTo(this.#conversions)),
      endWork: () => moveTo(this.#transfers),
      release: () => moveTo(undefined),
    }
  }

  /** Admits no further conversion; resolves when the last one has ended. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.admitted > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve))
  }

  #waitForCapacity(peer: string, signal: AbortSignal, enter: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const abort = () => {
        this.#waiting.delete(check)
        reject(signal.reason)
      }
      const check = () => {
        if (!this.#waiting.has(check) || this.#conversions.isFull(peer)) return
        this.#waiting.delete(check)
        signal.removeEventListener('abort', abort)
        enter()
        resolve()
      }
      signal.addEventListener('abort', abort, { once: true })
      this.#waiting.add(check)
      check()
    })
  }

  #onChange(): void {
    for (const check of [...this.#waiting]) check()
    if (this.admitted === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }
}
