import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@herald/runtime'
import { BrokerError } from '../../broker.js'
import { isRetryable } from './errors.js'
import type { Member, MemberEvents } from './member.js'
import type { Partitions } from './partitions.js'

interface MembershipOptions {
  readonly create: (events: MemberEvents) => Member
  readonly partitions: Partitions
  readonly sessionTimeoutMs: number
  readonly logger: Logger
  /** After each assignment of partitions. */
  readonly onAssigned: () => void
  /** Called several times per session: false if the group may have removed this member. */
  readonly onSession: (isValid: boolean) => void
}

const restartDelaysMs = [100, 200, 500, 1000, 2000]
const leaveTimeoutMs = 5000
/** At four looks a session, kafkajs has the time of half a session to join again by itself. */
const maxInvalidWatches = 2

/** Keeps one member in the group: replaces one that crashed or stalled, and retries until one has joined. */
export class Membership {
  readonly #options: MembershipOptions
  readonly #ending = new AbortController()
  readonly #sessionWatch: NodeJS.Timeout
  #member: Member | undefined
  #joined: Member | undefined
  /** Looks in a row at which the session was over. */
  #invalidWatches = 0
  #replacing: Promise<void> | undefined
  /** Members in a row that were in the group for less than a session, or not at all. */
  #shortMembers = 0
  #joinedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#sessionWatch = setInterval(() => this.#watchSession(), options.sessionTimeoutMs / 4)
    this.#sessionWatch.unref()
  }

  /** The member, while it is in the group. */
  get current(): Member | undefined {
    return this.#joined
  }

  /**
   * Resolves when the group has accepted the member. Rejects with kafkajs' error: at once if it is
   * final, else (the coordinator is loading, a broker cannot be reached) if it lasts for `timeoutMs`.
   */
  async join(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs
    for (;;) {
      try {
        return await this.#start()
      } catch (error) {
        if (this.#ending.signal.aborted || !isRetryable(error) || performance.now() > end)
          throw error
        await this.#member?.leave(leaveTimeoutMs)
        await delay(restartDelaysMs[0])
      }
    }
  }

  /** Replaces `member`, which crashed or stalled. */
  replace(member: Member): void {
    if (member !== this.#joined || this.#ending.signal.aborted) return
    this.#joined = undefined
    const hasLasted = performance.now() - this.#joinedAtMs > this.#options.sessionTimeoutMs
    if (hasLasted) this.#shortMembers = 0
    this.#options.partitions.unassign()
    this.#replacing ??= this.#startAgain().finally(() => {
      this.#replacing = undefined
    })
  }

  /** Leaves the group. Never rejects. */
  async leave(): Promise<void> {
    this.#ending.abort()
    clearInterval(this.#sessionWatch)
    await this.#replacing
    await this.#member?.leave(leaveTimeoutMs)
  }

  async #startAgain(): Promise<void> {
    const { logger, sessionTimeoutMs } = this.#options
    const { signal } = this.#ending
    while (!signal.aborted) {
      const waitMs = restartDelaysMs[Math.min(this.#shortMembers, restartDelaysMs.length - 1)]
      this.#shortMembers += 1
      await delay(waitMs, undefined, { signal }).catch(() => {})
      // Leave first: else the group waits until the old member's session ends.
      await this.#member?.leave(Math.min(leaveTimeoutMs, sessionTimeoutMs))
      if (signal.aborted) return
      try {
        await this.#start()
        return
      } catch (error) {
        if (!signal.aborted) logger.warn({ err: error }, 'could not join the group; will try again')
      }
    }
  }

  #start(): Promise<void> {
    const { create, partitions, onAssigned, sessionTimeoutMs } = this.#options
    const { signal } = this.#ending
    // The group waits for a dead member until its session ends.
    const timeoutMs = 2 * sessionTimeoutMs + 10_000
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new BrokerError(
              'BROKER_UNREACHABLE',
              `The group did not accept this member within ${timeoutMs} ms. See Kafka's log.`,
            ),
          ),
        timeoutMs,
      )
      const settle = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
      }
      const fail = (error: unknown) => {
        settle()
        reject(error)
      }
      const abort = () => fail(signal.reason)
      signal.addEventListener('abort', abort)
      const member: Member = create({
        assigned: (assignment) => {
          if (member !== this.#member) return
          settle()
          if (member !== this.#joined) this.#joinedAtMs = performance.now()
          this.#joined = member
          partitions.assign(member, assignment)
          this.#watchSession()
          onAssigned()
          resolve()
        },
        fetched: (payload) => {
          if (member === this.#joined) partitions.pushFetched(member, payload)
        },
        skipped: (partition, nextOffset) => {
          if (member === this.#joined) partitions.skipTo(partition, nextOffset)
        },
        crashed: (error) => {
          if (member !== this.#member) return
          this.#options.logger.warn({ err: error }, 'consumer crashed')
          fail(error)
          this.replace(member)
        },
      })
      this.#member = member
      member.start().catch(fail)
    })
  }

  /** After the session another member may have the partitions: then no handler may be started. */
  #watchSession(): void {
    const member = this.#joined ?? this.#member
    if (member === undefined) return
    const isValid = member.sinceHeartbeatMs < this.#options.sessionTimeoutMs
    this.#options.onSession(isValid)
    this.#invalidWatches = isValid ? 0 : this.#invalidWatches + 1
    if (this.#invalidWatches <= maxInvalidWatches) return
    this.#invalidWatches = 0
    // kafkajs sends no heartbeat for as long as the system's clock was set back.
    if (member === this.#joined) {
      this.#options.logger.warn('no heartbeat for longer than a session: joining the group again')
    }
    this.replace(member)
  }
}
