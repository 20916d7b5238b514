import { isAlive, isSameProcess, type ProcessIdentity } from '@herald/runtime'
import type { Store } from '@herald/runtime/store'
import type { DeferredLanes, DeferredMail } from './deferred-lanes.js'
import type { EventRef, MailIdentity } from './ledger.js'
import { type GatheredKey, type QueuedEvent, queued, unqueued } from './queued-event.js'

interface LaneRecord {
  readonly holder: ProcessIdentity | null
  readonly dueAt: number
  /** When `dueAt` was settled; absent in records of earlier versions. */
  readonly setAt?: number
}

/** A digest in its lane; its events stay where they were gathered. */
export interface QueuedDigest {
  readonly ref: EventRef
  readonly run: string
  readonly from: number
  readonly to: number
}

/** What a lane does to the mails in it; both run inside the write that changes the lane. */
export interface LaneMails {
  /** Marks the mail as waiting in the lane; says whether it waits in one already. Throws MailNotFree. */
  enter(event: EventRef, mail: MailIdentity, lane: string, nextAttemptAt: number): boolean
  leave(event: EventRef): void
}

export interface LmdbLanes extends DeferredLanes {
  /** Puts a mail at the end of its lane, due at once unless others wait there. Inside a write. */
  putLast(lane: string, row: QueuedEvent | QueuedDigest): void
}

/** Lanes as rows: the mails of a lane by position, its holder, and an index by the time it is due. */
export function createLmdbLanes(store: Store, self: ProcessIdentity, mails: LaneMails): LmdbLanes {
  type Place = [lane: string, position: number]
  const events = store.table<QueuedEvent, Place>('deferred')
  const digests = store.table<QueuedDigest, Place>('digests')
  const gathered = store.table<QueuedEvent, GatheredKey>('gathered')
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
    const backwards = { start: end, end: start, reverse: true, limit: 1 }
    const ends = [...events.entries(backwards), ...digests.entries(backwards)]
    return ends.length === 0 ? undefined : Math.max(...ends.map(({ key }) => key[1]))
  }

  function putLast(lane: string, row: QueuedEvent | QueuedDigest, dueAt = Date.now()): void {
    const place: Place = [lane, (last(lane) ?? 0) + 1]
    if ('run' in row) digests.put(place, row)
    else events.put(place, row)
    if (!lanes.get(lane)) put(lane, { holder: null, dueAt, setAt: Date.now() })
  }

  const eventsOf = (lane: string, { run, from, to }: QueuedDigest) =>
    gathered.entries({ start: [lane, run, from], end: [lane, run, to] })

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

    putLast: (lane, row) => putLast(lane, row),

    append(lane, kept, { nextAttemptAt, behindOnly }) {
      return store.write(() => {
        const before = lanes.get(lane)
        if (behindOnly && !before) return false
        if (mails.enter(kept.event, kept.mail, lane, before?.dueAt ?? nextAttemptAt)) return true
        putLast(lane, queued(kept), nextAttemptAt)
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

    head(lane): DeferredMail | undefined {
      const first = { ...within(lane), limit: 1 }
      const [single] = events.entries(first)
      const [digest] = digests.entries(first)
      if (digest !== undefined && !(single !== undefined && single.key[1] < digest.key[1])) {
        const deliveries = [...eventsOf(lane, digest.value)].map(({ value }) => unqueued(value))
        return { ref: digest.value.ref, deliveries, position: digest.key[1] }
      }
      if (single === undefined) return undefined
      const { key, value } = single
      return { ref: value.event, deliveries: [unqueued(value)], position: key[1] }
    },

    pop: (lane, position) =>
      store.write(() => {
        const single = events.get([lane, position])
        const digest = digests.get([lane, position])
        if (single) {
          events.remove([lane, position])
          mails.leave(single.event)
        } else if (digest) {
          for (const { key } of [...eventsOf(lane, digest)]) gathered.remove(key)
          digests.remove([lane, position])
          mails.leave(digest.ref)
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
          put(lane, { holder: null, dueAt: nextAttemptAt, setAt: Date.now() })
        })
      } finally {
        held.delete(lane)
      }
    },

    async adjustToClock() {
      const ahead = () =>
        [...due.entries()].flatMap(({ key: [, lane] }) => {
          const record = lanes.get(lane)
          return record && (record.setAt ?? 0) > Date.now() ? [{ lane, record }] : []
        })
      if (ahead().length === 0) return
      await store.write(() => {
        for (const { lane, record } of ahead()) {
          const setAt = Date.now()
          const waitMs = record.dueAt - (record.setAt ?? setAt)
          put(lane, { ...record, dueAt: setAt + waitMs, setAt })
        }
      })
    },

    nextDueAt() {
      for (const { key } of due.entries({ limit: 1 })) return key[0]
      return undefined
    },

    count: () => events.count() + gathered.count(),
  }
}
