import type { Store, StoreKey } from '@herald/runtime/store'
import type { GatheredRun } from './gathering.js'
import type { KeptDelivery } from './lanes.js'
import { openLaneTables } from './lmdb-lane-tables.js'
import type { EventRef } from './mail-record.js'

interface OldEvent {
  readonly event: EventRef
  readonly delivery: Omit<KeptDelivery, 'publishedAt'> & { readonly publishedAtMs: number }
}

interface OldDigest {
  readonly ref: EventRef
  readonly run: string
  readonly from: number
  readonly to: number
}

interface OldRun extends Omit<GatheredRun, 'count'> {
  readonly lane: string
  readonly run: string
  readonly from: number
  readonly next: number
  readonly dueAt: number
}

/** Moves what waits in the lanes and runs of 0.1.0, each of them in one write. */
export async function upgradeLanes(store: Store): Promise<void> {
  const table = <V, K extends StoreKey>(name: string) => store.table<V, K>(name)
  const singles = table<OldEvent, [string, number]>('deferred')
  const digests = table<OldDigest, [string, number]>('digests')
  const gathered = table<OldEvent, [string, string, number]>('gathered')
  const lanes = table<{ dueAt: number }, string>('lanes')
  const runs = table<OldRun, [string, string]>('runs')
  const { events, nextNumber, putDue, putLast } = openLaneTables(store)

  const putEvent = (group: number, index: number, { event, delivery }: OldEvent) => {
    const { publishedAtMs, ...rest } = delivery
    events.put([group, index], {
      event,
      delivery: { ...rest, publishedAt: new Date(publishedAtMs) },
    })
  }

  /** Moves gathered events; returns their group. */
  function moveGathered(lane: string, run: string, from: number, to: number): number {
    const group = nextNumber()
    const rows = [...gathered.entries({ start: [lane, run, from], end: [lane, run, to] })]
    for (const [index, { key, value }] of rows.entries()) {
      putEvent(group, index, value)
      gathered.remove(key)
    }
    return group
  }

  function moveLane(lane: string): void {
    const { dueAt = 0 } = lanes.get(lane) ?? {}
    const setAt = Date.now()
    const range = { start: [lane, 0], end: [lane, Number.MAX_VALUE] }
    const mails = [...singles.entries(range), ...digests.entries(range)]
    mails.sort((one, other) => one.key[1] - other.key[1])
    for (const { key, value } of mails) {
      const isDigest = 'ref' in value
      const ref = isDigest ? value.ref : value.event
      const group = isDigest ? moveGathered(lane, value.run, value.from, value.to) : nextNumber()
      if (!isDigest) putEvent(group, 0, value)
      putLast(lane, { ref, group, notBefore: dueAt, setAt })
      singles.remove(key)
      digests.remove(key)
    }
    lanes.remove(lane)
  }

  function moveRun(key: [string, string], run: OldRun): void {
    const [lane, name] = key
    const { seen, size, from, next, bytes, firstAt, lastAt, dueAt } = run
    runs.remove(key)
    if (next === from) return
    const group = moveGathered(lane, name, from, next)
    const gatheredRun = { seen, size, count: next - from, bytes, firstAt, lastAt }
    putDue([lane, name], { run: gatheredRun, group, notBefore: dueAt, setAt: lastAt })
  }

  for (const { key } of lanes.entries()) await store.write(() => moveLane(key))
  for (const { key } of runs.entries()) {
    await store.write(() => {
      const run = runs.get(key)
      if (run) moveRun(key, run)
    })
  }
  // Indexes of what was moved.
  for (const index of [table<true, StoreKey>('due'), table<true, StoreKey>('runsDue')]) {
    await store.write(() => {
      for (const { key } of [...index.entries()]) index.remove(key)
    })
  }
}
