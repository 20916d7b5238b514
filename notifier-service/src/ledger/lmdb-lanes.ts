import type { Store } from '@herald/runtime/store'
import {
  addEvent,
  closeAt,
  type GatheredRun,
  gatheringState,
  isOver,
  movedTo,
  newRun,
  withoutEvents,
} from './gathering.js'
import { type DigestRule, type Lanes, withoutAttempt } from './lanes.js'
import { type LaneEntry, type LaneKey, openLaneTables } from './lmdb-lane-tables.js'
import { isHolderAlive, type LmdbMails } from './lmdb-mails.js'

export interface LmdbLanes extends Lanes {
  /** As Ledger.adjustToClock. */
  adjustToClock(): Promise<void>
}

export function createLmdbLanes(
  store: Store,
  holder: string,
  mails: LmdbMails,
  rule: DigestRule,
): LmdbLanes {
  const tables = openLaneTables(store)
  const { entries, events, due, headOf, eventsOf, nextNumber, putDue, removeDue } = tables
  const holders = store.table<string, string>('laneHolders')
  /** Lanes that this ledger holds: other ledgers of this process have the same holder. */
  const held = new Set<string>()

  const isFree = (lane: string) => {
    const by = holders.get(lane)
    return by === holder ? !held.has(lane) : !isHolderAlive(by)
  }

  const putLast = (lane: string, entry: Omit<LaneEntry, 'setAt'>) =>
    tables.putLast(lane, { ...entry, setAt: Date.now() })

  /** Digests of the lane that gather, the one that is due first first. */
  const runsOf = (lane: string) =>
    [...entries.entries({ start: [lane, Number.MAX_VALUE], end: [lane, '\uffff'] })].sort(
      (one, other) => one.value.notBefore - other.value.notBefore,
    )

  /** Makes a mail of gathered events, at the end of the lane. */
  function appendDigest(lane: string, group: number, now: number): void {
    const [first, ...others] = eventsOf(group).map(({ value }) => value.event)
    if (first === undefined) return
    let ref = first
    if (others.length > 0) ref = mails.createDigest([first, ...others])
    else mails.change(first, { state: 'deferred', reply: '', nextAttemptAt: undefined })
    putLast(lane, { ref, group, notBefore: now })
  }

  /** Keeps the run, or deletes it if it is over. */
  function putRun(
    key: LaneKey,
    run: GatheredRun,
    group: number,
    before: LaneEntry | undefined,
  ): void {
    if (!isOver(run)) {
      putDue(key, { run, group, notBefore: closeAt(run, rule), setAt: run.lastAt }, before)
    } else if (before) removeDue(key, before)
  }

  /** Closes the digests of the lane that are due; returns whether its head is due. */
  function closeDue(lane: string, now: number): boolean {
    for (const { key, value: entry } of runsOf(lane)) {
      if (entry.run === undefined || entry.notBefore > now) continue
      if (entry.run.count > 0) {
        appendDigest(lane, entry.group, now)
        putRun(key, withoutEvents(entry.run), nextNumber(), entry)
      } else removeDue(key, entry)
    }
    const head = headOf(lane)
    return head !== undefined && head.value.notBefore <= now
  }

  function firstFreeLane(now: number): string | undefined {
    for (const { key } of due.entries({ end: [now + 1] })) if (isFree(key[1])) return key[1]
    return undefined
  }

  return {
    has: async (lane) => headOf(lane) !== undefined,

    append: (lane, { event, mail, delivery }, { nextAttemptAt, behindOnly }) =>
      store.write(() => {
        const head = headOf(lane)
        if (behindOnly && !head) return false
        const notBefore = head?.value.notBefore ?? nextAttemptAt
        const changes = { lane, nextAttemptAt: notBefore, deferredSince: Date.now() }
        if (!mails.putInLane(event, mail, changes)) return true
        const group = nextNumber()
        events.put([group, 0], { event, delivery: withoutAttempt(delivery) })
        putLast(lane, { ref: event, group, notBefore })
        return true
      }),

    gather: ({ lane, run: name, runSize, event, mail, delivery }) =>
      store.write(() => {
        const key: LaneKey = [lane, name]
        const before = entries.get(key)
        const known = before?.run ?? newRun
        const now = Date.now()
        const size = Math.max(known.size, runSize)
        if (!mails.putInLane(event, mail, gatheringState(lane, { size, now }, rule))) return false
        const bytes = delivery.value.byteLength
        const { closesBefore, index, closesAfter, run } = addEvent(
          known,
          { size, bytes, now },
          rule,
        )
        let group = before?.group ?? nextNumber()
        const close = () => {
          appendDigest(lane, group, now)
          group = nextNumber()
        }
        if (closesBefore) close()
        events.put([group, index], { event, delivery: withoutAttempt(delivery) })
        if (closesAfter) close()
        putRun(key, run, group, before)
        return closesBefore || closesAfter
      }),

    async claim() {
      // Checked first without a write, which costs a sync even if nothing is due.
      if (firstFreeLane(Date.now()) === undefined) return undefined
      return store.write(() => {
        const now = Date.now()
        for (;;) {
          const lane = firstFreeLane(now)
          if (lane === undefined) return undefined
          if (!closeDue(lane, now)) continue
          holders.put(lane, holder)
          held.add(lane)
          return lane
        }
      })
    },

    async head(lane) {
      const head = headOf(lane)
      if (head?.value.ref === undefined) return undefined
      const { ref, group } = head.value
      const deliveries = eventsOf(group).map(({ value }) => value.delivery)
      return { ref, deliveries, position: Number(head.key[1]) }
    },

    pop: (lane, position) =>
      store.write(() => {
        const key: LaneKey = [lane, position]
        const entry = entries.get(key)
        if (entry?.ref) {
          for (const { key: event } of eventsOf(entry.group)) events.remove(event)
          mails.change(entry.ref, { lane: undefined })
          removeDue(key, entry)
        }
        const next = headOf(lane)
        if (next) {
          due.put([next.value.notBefore, ...next.key], true)
          return true
        }
        holders.remove(lane)
        // Within the write: a moment later it may be filled and claimed again.
        held.delete(lane)
        return false
      }),

    async release(lane, nextAttemptAt) {
      try {
        await store.write(() => {
          const head = headOf(lane)
          // If it was emptied and filled again meanwhile, it is not this holder's.
          if (holders.get(lane) !== holder || head === undefined) return
          const timed = { ...head.value, notBefore: nextAttemptAt, setAt: Date.now() }
          putDue(head.key, timed, head.value)
          holders.remove(lane)
        })
      } finally {
        held.delete(lane)
      }
    },

    async adjustToClock() {
      const ahead = () =>
        [...due.entries()].flatMap(({ key: [, ...key] }) => {
          const entry = entries.get(key)
          return entry && entry.setAt > Date.now() ? [{ key, entry }] : []
        })
      if (ahead().length === 0) return
      await store.write(() => {
        for (const { key, entry } of ahead()) {
          const now = Date.now()
          const { run, group, notBefore, setAt } = entry
          if (run) putRun(key, movedTo(now, run), group, entry)
          else putDue(key, { ...entry, notBefore: notBefore - (setAt - now), setAt: now }, entry)
        }
      })
    },

    async nextDueAt() {
      for (const { key } of due.entries({ limit: 1 })) return key[0]
      return undefined
    },

    async count() {
      let gathering = 0
      for (const { key } of due.entries()) {
        const [, ...entryKey] = key
        if (typeof entryKey[1] === 'string') gathering += entries.get(entryKey)?.run?.count ?? 0
      }
      return { deferred: events.count() - gathering, gathering }
    },
  }
}
