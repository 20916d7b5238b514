import type { Logger } from '@herald/runtime'
import type { AdminLine } from './admin-line.js'
import type { Member } from './member.js'
import type { Partitions } from './partitions.js'

export interface StallWatchOptions {
  readonly topic: string
  readonly stallMs: number
  readonly admin: AdminLine
  readonly partitions: Partitions
  readonly member: () => Member | undefined
  readonly logger: Logger
  /** The member does not do its work though the brokers answer: it is to be replaced. */
  readonly stalled: (member: Member) => void
}

/**
 * kafkajs can stop fetching without a word. Looks every `stallMs` whether the member still comes
 * back from its fetches, and whether a partition that has events and room has moved since.
 * Returns what ends it.
 */
export function watchForStalls(options: StallWatchOptions): () => void {
  const { topic, stallMs, partitions, logger } = options
  let seen: { member: Member; positions: Map<number, bigint> } | undefined
  let looking = false

  const look = async () => {
    const member = options.member()
    if (member === undefined) return
    const ends = await options.admin.ask((admin) => admin.fetchTopicOffsets(topic))
    if (member !== options.member()) return
    const silentMs = Date.now() - member.fetchedAt
    const stuck: number[] = []
    const positions = new Map<number, bigint>()
    for (const { partition, high } of ends) {
      if (partitions.isWaiting(partition)) continue
      // Nothing fetched yet is a position too: one that has to move when there are events.
      const position = partitions.state(partition).position ?? -1n
      if (position >= BigInt(high) || high === '0') continue
      positions.set(partition, position)
      if (seen?.member === member && seen.positions.get(partition) === position)
        stuck.push(partition)
    }
    seen = { member, positions }
    if (silentMs < stallMs && stuck.length === 0) return
    logger.warn({ topic, silentMs, partitions: stuck }, 'consumer stalled, building it anew')
    options.stalled(member)
  }

  const timer = setInterval(() => {
    if (looking) return
    looking = true
    look()
      // The brokers do not answer: nothing that a new consumer would mend.
      .catch((error: unknown) => logger.debug({ err: error, topic }, 'could not look for stalls'))
      .finally(() => {
        looking = false
      })
  }, stallMs)
  timer.unref()
  return () => clearInterval(timer)
}
