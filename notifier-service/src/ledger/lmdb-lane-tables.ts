import type { Store, Table } from '@herald/runtime/store'
import type { GatheredRun } from './gathering.js'
import type { KeptDelivery } from './lanes.js'
import type { EventRef } from './mail-record.js'

/** What waits in a lane: a mail, or a digest that still gathers. */
export interface LaneEntry {
  /** The mail's name; undefined while it gathers. */
  readonly ref?: EventRef
  readonly run?: GatheredRun
  /** Its events are kept under this number. */
  readonly group: number
  /** Milliseconds since 1970. Of the mails of a lane only the head's counts. */
  readonly notBefore: number
  /** When `notBefore` was set. */
  readonly setAt: number
}

/** The mails of a lane by position, then its digests that gather by run. */
export type LaneKey = [lane: string, positionOrRun: number | string]

interface LaneEvent {
  readonly event: EventRef
  readonly delivery: KeptDelivery
}

/** Lanes as LMDB keeps them. What changes them is called inside a write. */
export interface LaneTables {
  readonly entries: Table<LaneEntry, LaneKey>
  readonly events: Table<LaneEvent, [group: number, index: number]>
  /** An index of the head of each lane, and of each digest that gathers. */
  readonly due: Table<true, [notBefore: number, ...LaneKey]>
  /** The first mail of the lane. */
  headOf(lane: string): { key: LaneKey; value: LaneEntry } | undefined
  /** Keys and values of a mail's events, in order. */
  eventsOf(
    group: number,
  ): { readonly key: [group: number, index: number]; readonly value: LaneEvent }[]
  /** A number that no position and no group of this store has. */
  nextNumber(): number
  /** Writes an entry and its row in the index, in place of those of `before`. */
  putDue(key: LaneKey, entry: LaneEntry, before?: LaneEntry): void
  removeDue(key: LaneKey, entry: LaneEntry): void
  /** Puts a mail at the end of its lane. */
  putLast(lane: string, entry: LaneEntry): void
}

export function openLaneTables(store: Store): LaneTables {
  const entries: LaneTables['entries'] = store.table('laneEntries')
  const events: LaneTables['events'] = store.table('laneEvents')
  const due: LaneTables['due'] = store.table('laneDue')
  const sequence = store.table<number, string>('laneSequence')

  const headOf: LaneTables['headOf'] = (lane) => {
    const [head] = entries.entries({ start: [lane, 0], end: [lane, Number.MAX_VALUE], limit: 1 })
    return head
  }

  function nextNumber(): number {
    const number = (sequence.get('last') ?? 0) + 1
    sequence.put('last', number)
    return number
  }

  const putDue: LaneTables['putDue'] = (key, entry, before) => {
    if (before) due.remove([before.notBefore, ...key])
    entries.put(key, entry)
    due.put([entry.notBefore, ...key], true)
  }

  return {
    entries,
    events,
    due,
    headOf,
    eventsOf: (group) => [...events.entries({ start: [group, 0], end: [group, Number.MAX_VALUE] })],
    nextNumber,
    putDue,
    removeDue(key, { notBefore }) {
      due.remove([notBefore, ...key])
      entries.remove(key)
    },
    putLast(lane, entry) {
      const isHead = headOf(lane) === undefined
      const key: LaneKey = [lane, nextNumber()]
      if (isHead) putDue(key, entry)
      else entries.put(key, entry)
    },
  }
}
