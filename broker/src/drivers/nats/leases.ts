import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type KV, Kvm } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Link } from './connection.js'
import { isConflict, isNotFound } from './errors.js'
import type { NatsTopic } from './topics.js'

/** Who holds a partition for a group, and up to where the group has acknowledged it. */
export interface Lease {
  /** The member's id; null: no member. */
  readonly owner: string | null
  /** The sequence to continue with; 0: the oldest event kept. */
  readonly next: bigint
  /** Changes with each write; 0: never written. */
  readonly revision: number
  /** False: nobody has written it yet, or the entry was deleted. */
  readonly isStored: boolean
}

export const encodeGroup = (group: string) => Buffer.from(group).toString('base64url')

/**
 * The leases of a group on the partitions of a topic: entries of a key-value bucket, changed by
 * compare-and-swap only. A member that lost the lease cannot commit.
 */
export class Leases {
  readonly #link: Link
  readonly #kv: KV
  readonly #group: string
  /** Creates the bucket if it is absent. */
  readonly #create: () => Promise<KV>

  private constructor(link: Link, create: () => Promise<KV>, kv: KV, group: string) {
    this.#link = link
    this.#create = create
    this.#kv = kv
    this.#group = encodeGroup(group)
  }

  /** Rejects with the library's error, as the methods do. */
  static async open(link: Link, topic: NatsTopic, group: string, timeoutMs: number) {
    const { bucket, replicas } = topic
    const kvm = new Kvm(jetstream(link.nats, { timeout: timeoutMs }))
    // A direct get is answered by any replica, which may be behind the writes.
    const options = { history: 1, replicas, allow_direct: false }
    const create = () => kvm.create(bucket, options)
    return new Leases(link, create, await create(), group)
  }

  /** Creates the bucket again if it was deleted. */
  async read(partition: number): Promise<Lease> {
    const reading = this.#kv.get(this.#key(partition)).catch(async (error: unknown) => {
      if (!isNotFound(error)) throw error
      await this.#create()
      return null
    })
    const entry = await this.#link.orLost(reading)
    if (entry === null || entry.length === 0) {
      return { owner: null, next: 0n, revision: entry?.revision ?? 0, isStored: false }
    }
    const { owner, next } = entry.json<{ owner: string | null; next: string }>()
    return { owner, next: BigInt(next), revision: entry.revision, isStored: true }
  }

  /** Resolves to what is stored now; undefined if the entry was changed since `revision`. */
  async write(
    partition: number,
    { owner, next }: Pick<Lease, 'owner' | 'next'>,
    revision: number,
  ): Promise<Lease | undefined> {
    const value = JSON.stringify({ owner, next: String(next) })
    try {
      const written = await this.#link.orLost(
        this.#kv.put(this.#key(partition), value, { previousSeq: revision }),
      )
      return { owner, next, revision: written, isStored: true }
    } catch (error) {
      if (isConflict(error)) return undefined
      throw error
    }
  }

  #key(partition: number): string {
    return `${this.#group}.${partition}`
  }
}

/** Whether any group has ever had a lease in the bucket. */
export async function hasLeases(nats: NatsConnection, bucket: string): Promise<boolean> {
  const { streams } = await jetstreamManager(nats, { checkAPI: false })
  try {
    const { state } = await streams.info(`KV_${bucket}`)
    return state.messages > 0
  } catch (error) {
    if (isNotFound(error)) return false
    throw error
  }
}
