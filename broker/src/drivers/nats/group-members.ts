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

interface OtherMember {
  answeredAt: number
  /** Since when its connection is gone. */
  absentSince: number | undefined
  /** A ping to it is under way. */
  pinging: boolean
}

/** How long a member may take to connect again to a server that has restarted. */
const reconnectGraceMs = 1500
const forgetAfterMs = 10 * 60_000

/**
 * Knows the members of a group. Each announces itself; the others then ping it regularly. A process that has
 * ended is noticed at once, as the server reports that the ping has no receiver; one that hangs, after
 * the session timeout.
 */
export class GroupMembers {
  readonly id = randomUUID()
  readonly #options: GroupMembersOptions
  readonly #others = new Map<string, OtherMember>()
  readonly #subscriptions: Subscription[] = []
  #checkedAt = performance.now()

  constructor(options: GroupMembersOptions) {
    this.#options = options
  }

  /** The ids of the members, this one's included, ascending. */
  get ids(): string[] {
    const others = [...this.#others.keys()].filter((id) => !this.isGone(id))
    return [this.id, ...others].sort()
  }

  /** Whether a member has ended, or hangs for longer than the session timeout. */
  isGone(id: string): boolean {
    const member = this.#others.get(id)
    if (id === this.id || member === undefined) return false
    const now = performance.now()
    const { answeredAt, absentSince } = member
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
        if (error === null) this.#onAnnouncement(message.string())
      },
    })
    this.#subscriptions.push(alive, announcements)
    this.#announce('here')
  }

  /** Call it regularly, with the holders of partitions, of whom some may not have announced themselves yet. */
  check(holders: readonly string[]): void {
    const now = performance.now()
    // This process was stopped: the others had no chance to answer.
    if (now - this.#checkedAt > this.#options.sessionTimeoutMs / 2) this.restartTimeouts()
    this.#checkedAt = now
    this.#announce('here')
    for (const id of holders) if (id !== this.id) this.#member(id)
    for (const [id, member] of this.#others) {
      if (now - member.answeredAt > forgetAfterMs) this.#others.delete(id)
      else if (!member.pinging) void this.#ping(id, member)
    }
  }

  /** The connection was lost meanwhile: gives each member the whole session timeout to answer. */
  restartTimeouts(): void {
    for (const member of this.#others.values()) {
      member.answeredAt = performance.now()
      member.absentSince = undefined
    }
    this.#announce('here')
  }

  /** Announces that partitions have no holder now. */
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

  #onAnnouncement(text: string): void {
    const [what = '', id = ''] = text.split(' ')
    if (id === this.id) return
    if (what === 'left') {
      this.#others.delete(id)
      this.#options.onChange()
      return
    }
    const isNew = !this.#others.has(id) || this.isGone(id)
    const member = this.#member(id)
    member.answeredAt = performance.now()
    member.absentSince = undefined
    if (isNew) this.#announce('here')
    if (isNew || what === 'free') this.#options.onChange()
  }

  #member(id: string): OtherMember {
    const known = this.#others.get(id)
    if (known !== undefined) return known
    const member = { answeredAt: performance.now(), absentSince: undefined, pinging: false }
    this.#others.set(id, member)
    return member
  }

  async #ping(id: string, member: OtherMember): Promise<void> {
    const wasGone = this.isGone(id)
    member.pinging = true
    try {
      await this.#options.nats.request(`herald.alive.${id}`, '', { timeout: 1000 })
      member.answeredAt = performance.now()
      member.absentSince = undefined
    } catch (error) {
      // Any other error: it may hang, or we have no connection.
      if (error instanceof errors.RequestError && error.isNoResponders())
        member.absentSince ??= performance.now()
    }
    member.pinging = false
    if (this.isGone(id) !== wasGone) this.#options.onChange()
  }
}
