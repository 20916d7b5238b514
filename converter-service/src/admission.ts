import { HeraldError } from '@herald/proto/errors'
import { PeerLimit, type Release } from './peer-limit.js'

/** An admitted conversion: uploading, then working, then downloading. */
export interface Slot {
  /** The upload is complete; resolves when it may be worked on. Rejects when `signal` is aborted. */
  startWork(signal: AbortSignal): Promise<void>
  /** All renditions are made and remain to be sent. */
  endWork(): void
  /** Idempotent; the last call of a slot. */
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
  readonly #slots = new Set<Slot>()
  readonly #whenEmpty: (() => void)[] = []
  #closed = false

  constructor({ maxConversions, maxTransfers, peerShare }: AdmissionOptions) {
    this.#conversions = new PeerLimit(
      maxConversions,
      peerShare,
      'conversions are running or waiting',
    )
    this.#transfers = new PeerLimit(
      maxTransfers,
      peerShare,
      'files are being uploaded or downloaded',
    )
  }

  get admitted(): number {
    return this.#slots.size
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
    this.#conversions.refuseIfFull(peer)
    let held = this.#transfers.acquire(peer)
    const moveTo = (next: Release) => {
      held()
      held = next
    }
    const slot: Slot = {
      startWork: async (signal) => moveTo(await this.#conversions.acquireWhenFree(peer, signal)),
      // Never refused: the work is done.
      endWork: () => moveTo(this.#transfers.acquireBeyondLimit(peer)),
      release: () => {
        held()
        this.#slots.delete(slot)
        if (this.#slots.size === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve()
      },
    }
    this.#slots.add(slot)
    return slot
  }

  /** Admits no further conversion; resolves when the last one has ended. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#slots.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve))
  }
}
