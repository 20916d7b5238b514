import { setTimeout as delay } from 'node:timers/promises'
import type { StreamAPI } from '@nats-io/jetstream'
import { type NatsTopic, subjectOf } from './topics.js'

/** How long a stream that ends before the position may be that of a leader that is behind. */
const maxBehindMs = 15_000
/** In which a replica applies what the leader has acknowledged. */
const applyMs = 100

/** Where a stream ends. Of several servers one may be behind the others. */
export class StreamEnd {
  readonly #topic: NatsTopic
  /** When the stream was created that was seen last. */
  #created = ''
  #behindSince: number | undefined

  constructor(topic: NatsTopic) {
    this.#topic = topic
  }

  /**
   * Whether the stream was deleted and made again: it was created another time, or ends before the sequence
   * to read next. Throws while its leader may be one that does not know all messages yet: one that was elected just now, or one
   * that was stopped and does not know its successor.
   */
  isBefore(next: bigint, created: string, lastSequence: number): boolean {
    const isSame = this.#created === '' || this.#created === created
    this.#created = created
    const behindSince = this.#behindSince ?? performance.now()
    this.#behindSince = undefined
    if (!isSame) return true
    if (next <= BigInt(lastSequence) + 1n) return false
    const mayBeBehind = performance.now() - behindSince < maxBehindMs
    if (this.#topic.replicas === 1 || !mayBeBehind) return true
    this.#behindSince = behindSince
    throw new Error(`the stream ends with ${lastSequence}, before the position ${next}`)
  }

  /**
   * The last sequence of a partition, from the stream's leader; the other servers have it when this resolves.
   * 0 if there is none, or no other server.
   */
  async lastSequence(streams: StreamAPI, partition: number): Promise<bigint> {
    const { stream, replicas } = this.#topic
    if (replicas === 1) return 0n
    const last = await streams.getMessage(stream, {
      last_by_subj: subjectOf(this.#topic, partition),
    })
    await delay(applyMs)
    return BigInt(last?.seq ?? 0)
  }
}
