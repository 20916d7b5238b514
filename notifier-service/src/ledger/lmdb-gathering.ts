import type { Store } from '@herald/runtime/store'
import type { DigestRule, Gathering, RunEvent } from './gathering.js'
import { type GatheredKey, type QueuedEvent, queued } from './queued-event.js'
import {
  dueAt,
  emptied,
  gatheredIn,
  isComplete,
  isRipe,
  movedTo,
  newRun,
  type Run,
  withEvent,
} from './runs.js'

/** What a run does to the mails of its events and to their lane; all inside the write that changes the run. */
export interface RunMails {
  /** Marks the event as gathered; says whether it waits already. Throws MailNotFree. */
  gather(event: RunEvent, nextAttemptAt: number): boolean
  /** Puts an event that stayed alone into the lane, as the mail it was from the start. */
  single(lane: string, only: QueuedEvent): void
  /** Makes one mail of several events, which stay where they are, and puts it into the lane. */
  digest(run: Run, events: readonly QueuedEvent[]): void
}

export interface LmdbGathering extends Gathering {
  /**
   * Drops what is known of up to `limit` runs whose last event came before that time; returns how
   * many. Inside a write.
   */
  forget(before: number, limit: number): number
  /** Indexes what earlier versions left without. Inside a write. */
  indexAll(): void
}

/** Runs as rows, and an index by the time they are due. */
export function createLmdbGathering(
  store: Store,
  rule: DigestRule,
  mails: RunMails,
): LmdbGathering {
  const gathered = store.table<QueuedEvent, GatheredKey>('gathered')
  const runs = store.table<Run, [lane: string, run: string]>('runs')
  const due = store.table<true, [dueAt: number, lane: string, run: string]>('runsDue')

  /** Runs of which nothing is gathered now and more may come, by their last event. */
  const open = store.table<true, [lastAt: number, lane: string, run: string]>('runsOpen')

  function put(before: Run, after: Run): void {
    const key: [string, string] = [after.lane, after.run]
    if (gatheredIn(before) === 0 && before.seen > 0) open.remove([before.lastAt, ...key])
    // As it was written: the rule may have changed since.
    if (gatheredIn(before) > 0) due.remove([before.dueAt, ...key])
    const timed = { ...after, dueAt: dueAt(after, rule) }
    if (gatheredIn(after) > 0) due.put([timed.dueAt, ...key], true)
    // Where more of it may come, those that went already count towards its size.
    const isOpen = gatheredIn(after) === 0 && after.size > 0 && !isComplete(after)
    if (isOpen) open.put([after.lastAt, ...key], true)
    if (isOpen || gatheredIn(after) > 0) runs.put(key, timed)
    else runs.remove(key)
  }

  function close(run: Run): Run {
    const { lane, run: name, from, next } = run
    const range = { start: [lane, name, from], end: [lane, name, next] }
    const events = [...gathered.entries(range)].map(({ value }) => value)
    const [first] = events
    if (first !== undefined && events.length === 1) {
      mails.single(lane, first)
      gathered.remove([lane, name, from])
    } else mails.digest(run, events)
    return emptied(run)
  }

  /** Behind the events of its earlier digests, which may wait there yet. */
  function afterLast(lane: string, name: string): number {
    const [start, end] = [
      [lane, name, Number.MAX_VALUE],
      [lane, name, 0],
    ]
    for (const { key } of gathered.entries({ start, end, reverse: true, limit: 1 })) {
      return key[2] + 1
    }
    return 1
  }

  function firstDue(now: number): Run | undefined {
    for (const { key } of due.entries({ end: [now + 1], limit: 1 }))
      return runs.get([key[1], key[2]])
    return undefined
  }

  return {
    add: (event) =>
      store.write(() => {
        const { lane, run: name, runSize } = event
        const known = runs.get([lane, name]) ?? newRun(lane, name, afterLast(lane, name))
        const entry = queued(event)
        const bytes = entry.delivery.value.byteLength
        const size = Math.max(known.size, runSize)
        const waitMs = size > 0 ? rule.maxMs : rule.quietMs
        if (mails.gather(event, Date.now() + waitMs)) return false
        const full = gatheredIn(known) > 0 && known.bytes + bytes > rule.maxBytes
        const before = full ? close(known) : known
        gathered.put([lane, name, before.next], entry)
        const after = withEvent(before, { size, bytes })
        const ripe = isRipe(after, rule)
        put(known, ripe ? close(after) : after)
        return ripe || full
      }),

    async closeDue() {
      let closed = 0
      // Looked at first without a write, which would cost a sync each time there is nothing.
      while (firstDue(Date.now()) !== undefined) {
        closed += await store.write(() => {
          const run = firstDue(Date.now())
          if (run === undefined) return 0
          put(run, close(run))
          return 1
        })
      }
      return closed
    },

    async adjustToClock() {
      const isAhead = (run: Run | undefined): run is Run => (run?.lastAt ?? 0) > Date.now()
      const gatheredRuns = () => [...due.entries()].map(({ key }) => runs.get([key[1], key[2]]))
      if (!gatheredRuns().some(isAhead)) return
      await store.write(() => {
        for (const run of gatheredRuns()) if (isAhead(run)) put(run, movedTo(Date.now(), run))
      })
    },

    nextDueAt() {
      for (const { key } of due.entries({ limit: 1 })) return key[0]
      return undefined
    },

    count() {
      let sum = 0
      for (const { key } of due.entries()) {
        const run = runs.get([key[1], key[2]])
        if (run !== undefined) sum += gatheredIn(run)
      }
      return sum
    },

    forget(before, limit) {
      const old = [...open.entries({ end: [before], limit })]
      for (const { key } of old) {
        open.remove(key)
        runs.remove([key[1], key[2]])
      }
      return old.length
    },

    indexAll() {
      for (const { key, value } of runs.entries()) {
        if (gatheredIn(value) === 0) open.put([value.lastAt, ...key], true)
      }
    },
  }
}
