import { EventEmitter, once } from 'node:events'
import { HeraldError } from '@herald/proto/errors'

/** Gives back what was acquired. Idempotent. */
export type Release = () => void

/** A limit of concurrent work, with a smaller one for each peer. */
export class PeerLimit {
  readonly #max: number
  readonly #maxOfPeer: number
  readonly #what: string
  readonly #peers = new Map<string, number>()
  readonly #releases = new EventEmitter().setMaxListeners(0)
  #held = 0

  /** `share` is more than 0 and at most 1; `what` follows a number in messages. */
  constructor(max: number, share: number, what: string) {
    this.#max = max
    this.#maxOfPeer = Math.ceil(max * share)
    this.#what = what
  }

  /** Throws HERALD_BUSY. */
  refuseIfFull(peer: string): void {
    if (!this.#isFull(peer)) return
    const isAll = this.#held >= this.#max
    throw new HeraldError(
      'HERALD_BUSY',
      isAll
        ? `The server is busy: ${this.#max} ${this.#what}.`
        : `The server is busy: ${this.#maxOfPeer} ${this.#what} for this address, which is its limit.`,
      { remedy: 'Try again in a moment.' },
    )
  }

  /** Throws HERALD_BUSY if it is full. */
  acquire(peer: string): Release {
    this.refuseIfFull(peer)
    return this.acquireBeyondLimit(peer)
  }

  /** Waits while it is full. Rejects with the signal's reason when that is aborted. */
  async acquireWhenFree(peer: string, signal: AbortSignal): Promise<Release> {
    signal.throwIfAborted()
    while (this.#isFull(peer)) {
      await once(this.#releases, 'release', { signal }).catch(() => signal.throwIfAborted())
    }
    return this.acquireBeyondLimit(peer)
  }

  /** Counts, but is not refused. */
  acquireBeyondLimit(peer: string): Release {
    this.#held++
    this.#peers.set(peer, this.#heldBy(peer) + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#held--
      const left = this.#heldBy(peer) - 1
      if (left > 0) this.#peers.set(peer, left)
      else this.#peers.delete(peer)
      this.#releases.emit('release')
    }
  }

  #isFull(peer: string): boolean {
    return this.#held >= this.#max || this.#heldBy(peer) >= this.#maxOfPeer
  }

  #heldBy(peer: string): number {
    return this.#peers.get(peer) ?? 0
  }
}
