import { HeraldError } from '@herald/proto/errors'

/** A limit of concurrent work, with a smaller one for each peer. */
export class PeerLimit {
  readonly #max: number
  readonly #maxOfPeer: number
  readonly #peers = new Map<string, number>()
  #held = 0

  /** `share` is more than 0 and at most 1. */
  constructor(max: number, share: number) {
    this.#max = max
    this.#maxOfPeer = Math.ceil(max * share)
  }

  get held(): number {
    return this.#held
  }

  isFull(peer: string): boolean {
    return this.#held >= this.#max || this.#of(peer) >= this.#maxOfPeer
  }

  /** Throws HERALD_BUSY; `what` follows a number in the message. */
  refuseIfFull(peer: string, what: string): void {
    if (!this.isFull(peer)) return
    const isAll = this.#held >= this.#max
    throw new HeraldError(
      'HERALD_BUSY',
      isAll
        ? `The server is busy: ${this.#max} ${what}.`
        : `The server is busy: ${this.#maxOfPeer} ${what} for this address, which is its limit.`,
      { remedy: 'Try again in a moment.' },
    )
  }

  add(peer: string): void {
    this.#held++
    this.#peers.set(peer, this.#of(peer) + 1)
  }

  remove(peer: string): void {
    this.#held--
    const left = this.#of(peer) - 1
    if (left > 0) this.#peers.set(peer, left)
    else this.#peers.delete(peer)
  }

  #of(peer: string): number {
    return this.#peers.get(peer) ?? 0
  }
}
