import { randomUUID } from 'node:crypto'
import { errors, type NatsConnection, type Subscription } from '@nats-io/transport-node'

interface GroupMembersOptions {
  readonly nats: NatsConnection
  /** The subject on which the members of the group announce themselves. */
  readonly subject: string
  readonly sessionTimeoutMs: number
  /** A member came, left, is gone, or gave partitions back. */
  readonly onChange: () => void
}

interface Sighting {
  answeredAt: number
  /** Since when its connection is gone. */
  absentSince: number | undefined
  /** A request to it is under way. */
  asking: boolean
}

/** How long a member may take to connect again to a server that has restarted. */
const reconnectGraceMs = 1500
const forgetAfterMs = 10 * 60_000

/**
 * Knows the members of a group. Each announces itself; the others then ask it regularly. A process that has
 * ended is noticed at once, as the server reports that nobody receives the request; one that hangs, after
 * the session timeout.
 */
export class GroupMembers {
  readonly id = randomUUID()
  readonly #options: GroupMembersOptions
  readonly #sightings = new Map<string, Sighting>()
  readonly #subscriptions: Subscription[] = []
  #checkedAt = performance.now()

  constructor(options: GroupMembersOptions) {
    this.#options = options
  }

  /** The ids of the members, this one's included, ascending. */
  get ids(): string[] {
    const others = [...this.#sightings.keys()].filter((id) => !this.isGone(id))
    return [this.id, ...others].sort()
  }

  /** Whether a member has ended, or hangs for longer than the session timeout. */
  isGone(id: string): boolean {
    const sighting = this.#sightings.get(id)
    if (id === this.id || sighting === undefined) return false
    const now = performance.now()
    const { answeredAt, absentSince } = sighting
    if (absentSince !== undefined && now - absentSince >= reconnectGraceMs) return true
    return now - answeredAt > this.#options.sessionTimeoutMs
  }

  join(): void {
    const { nats, subject } = this.#options
    const alive = nats.subscribe(`herald.alive.${this.id}`, {
      callback: (error, message) => {
        if (error === null) message.respond()
      },
    })
    const announcements = nats.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) this.#hear(message.string())
      },
    })
    this.#subscriptions.push(alive, announcements)
    this.#announce('here')
  }

  /** Call it regularly, with the holders of partitions that were never heard. */
  check(holders: readonly string[]): void {
    const now = performance.now()
    // This process was stopped: the others had no chance to answer.
    if (now - this.#checkedAt > this.#options.sessionTimeoutMs / 2) this.startAgain()
    this.#checkedAt = now
    this.#announce('here')
    for (const id of holders) if (id !== this.id) this.#sighting(id)
    for (const [id, sighting] of this.#sightings) {
      if (now - sighting.answeredAt > forgetAfterMs) this.#sightings.delete(id)
      else if (!sighting.asking) void this.#ask(id, sighting)
    }
  }

  /** The connection was lost meanwhile: gives everybody the whole time to answer. */
  startAgain(): void {
    for (const sighting of this.#sightings.values()) {
      sighting.answeredAt = performance.now()
      sighting.absentSince = undefined
    }
    this.#announce('here')
  }

  /** Tells the others that partitions have no holder now. */
  announceFree(): void {
    this.#announce('free')
  }

  leave(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe()
    this.#announce('left')
  }

  #announce(what: 'here' | 'free' | 'left'): void {
    const { nats, subject } = this.#options
    if (!nats.isClosed()) nats.publish(subject, `${what} ${this.id}`)
  }

  #hear(text: string): void {
    const [what = '', id = ''] = text.split(' ')
    if (id === this.id) return
    if (what === 'left') {
      this.#sightings.delete(id)
      this.#options.onChange()
      return
    }
    const isNew = !this.#sightings.has(id) || this.isGone(id)
    const sighting = this.#sighting(id)
    sighting.answeredAt = performance.now()
    sighting.absentSince = undefined
    if (isNew) this.#announce('here')
    if (isNew || what === 'free') this.#options.onChange()
  }

  #sighting(id: string): Sighting {
    const known = this.#sightings.get(id)
    if (known !== undefined) return known
    const sighting = { answeredAt: performance.now(), absentSince: undefined, asking: false }
    this.#sightings.set(id, sighting)
    return sighting
  }

  async #ask(id: string, sighting: Sighting): Promise<void> {
    const wasGone = this.isGone(id)
    sighting.asking = true
    try {
      await this.#options.nats.request(`herald.alive.${id}`, '', { timeout: 1000 })
      sighting.answeredAt = performance.now()
      sighting.absentSince = undefined
    } catch (error) {
      // Any other error: it may hang, or we have no connection.
      if (error instanceof errors.RequestError && error.isNoResponders())
        sighting.absentSince ??= performance.now()
    }
    sighting.asking = false
    if (this.isGone(id) !== wasGone) this.#options.onChange()
  }
}
