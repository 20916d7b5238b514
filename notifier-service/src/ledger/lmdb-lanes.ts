import { isAlive, isSameProcess, type ProcessIdentity } from '@herald/runtime'
import type { Store } from '@herald/runtime/store'
import type { DeferredEvent, DeferredLanes, KeptDelivery } from './deferred-lanes.js'
import type { EventRef, MailIdentity } from './ledger.js'

interface LaneRecord {
  readonly holder: ProcessIdentity | null
  readonly dueAt: number
}

interface QueuedEvent {
  readonly event: EventRef
  readonly delivery: Omit<KeptDelivery, 'publishedAt'> & { readonly publishedAtMs: number }
}

/** What a lane does to the mails in it; both run inside the write that changes the lane. */
export interface LaneMails {
  /** Marks the mail as waiting in the lane; says whether it waits in one already. Throws MailNotFree. */
  enter(event: EventRef, mail: MailIdentity, lane: string, nextAttemptAt: number): boolean
  leave(event: EventRef): void
}

/** Lanes as rows: the events of a lane by position, its holder, and an index by the time it is due. */
export function createLmdbLanes(
  store: Store,
  self: ProcessIdentity,
  mails: LaneMails,
): DeferredLanes {
  const events = store.table<QueuedEvent, [lane: string, position: number]>('deferred')
  const lanes = store.table<LaneRecord, string>('lanes')
  const due = store.table<true, [dueAt: number, lane: string]>('due')
  // This process' own identity does not tell whether one of its own loops has the lane.
  const held = new Set<string>()

  const isFree = (lane: string, { holder }: LaneRecord) =>
    holder === null || (isSameProcess(holder, self) ? !held.has(lane) : !isAlive(holder))

  function put(lane: string, record: LaneRecord): void {
    const before = lanes.get(lane)
    if (before) due.remove([before.dueAt, lane])
    lanes.put(lane, record)
    due.put([record.dueAt, lane], true)
  }

  function remove(lane: string): void {
    const record = lanes.get(lane)
    if (record) due.remove([record.dueAt, lane])
    lanes.remove(lane)
  }

  const within = (lane: string) => ({ start: [lane, 0], end: [lane, Number.MAX_VALUE] })

  function last(lane: string): number | undefined {
    const { start, end } = within(lane)
    for (const { key } of events.entries({ start: end, end: start, reverse: true, limit: 1 })) {
      return key[1]
    }
    return undefined
  }

  function freeDue(now: number): string | undefined {
    for (const { key } of due.entries({ end: [now + 1] })) {
      const record = lanes.get(key[1])
      if (record && isFree(key[1], record)) return key[1]
    }
    return undefined
  }

  const has = (lane: string) => lanes.get(lane) !== undefined

  return {
    has,

    append(lane, { event, mail, delivery }, { nextAttemptAt, behindOnly }) {
      return store.write(() => {
        const before = lanes.get(lane)
        if (behindOnly && !before) return false
        if (mails.enter(event, mail, lane, before?.dueAt ?? nextAttemptAt)) return true
        const { publishedAt, topic, partition, offset, key, value, headers } = delivery
        events.put([lane, (last(lane) ?? 0) + 1], {
          event,
          delivery: {
            topic,
            partition,
            offset,
            key,
            value,
            headers,
            publishedAtMs: publishedAt.getTime(),
          },
        })
        if (!before) put(lane, { holder: null, dueAt: nextAttemptAt })
        return true
      })
    },

    async claim() {
      // Looked at first without a write, which would cost a sync each time there is nothing.
      if (freeDue(Date.now()) === undefined) return undefined
      return store.write(() => {
        const lane = freeDue(Date.now())
        const record = lane === undefined ? undefined : lanes.get(lane)
        if (lane === undefined || !record) return undefined
        put(lane, { ...record, holder: self })
        held.add(lane)
        return lane
      })
    },

    head(lane): DeferredEvent | undefined {
      for (const { key, value } of events.entries({ ...within(lane), limit: 1 })) {
        const { publishedAtMs, ...delivery } = value.delivery
        return {
          event: value.event,
          delivery: { ...delivery, publishedAt: new Date(publishedAtMs) },
          position: key[1],
        }
      }
      return undefined
    },

    pop: (lane, position) =>
      store.write(() => {
        const queued = events.get([lane, position])
        if (queued) {
          events.remove([lane, position])
          mails.leave(queued.event)
        }
        if (last(lane) !== undefined) return true
        remove(lane)
        // Within the write: a moment later it may be filled and claimed again.
        held.delete(lane)
        return false
      }),

    async release(lane, nextAttemptAt) {
      try {
        await store.write(() => {
          const record = lanes.get(lane)
          // One that was emptied and filled again meanwhile is not ours.
          if (!record?.holder || !isSameProcess(record.holder, self)) return
          put(lane, { holder: null, dueAt: nextAttemptAt })
        })
      } finally {
        held.delete(lane)
      }
    },

    nextDueAt() {
      for (const { key } of due.entries({ limit: 1 })) return key[0]
      return undefined
    },

    count: () => events.count(),
  }
}
