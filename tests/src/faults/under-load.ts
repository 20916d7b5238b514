import { setTimeout as pause } from 'node:timers/promises'
import { type Cluster, notifiers } from './cluster.js'
import { isAccepted } from './count.js'
import type { TestEvent } from './events.js'
import { publishPaced } from './publish-paced.js'
import type { Send } from './send.js'
import type { UncertainMails } from './window.js'

/** What happens to a cluster while events are published. */
export interface Fault {
  readonly name: string
  /** Injects the fault and, if it is to end, ends it. Resolves to the mails whose result is uncertain. */
  inject(): Promise<UncertainMails>
}

/** When a fault happened, in milliseconds since 1970. */
export interface Period {
  readonly name: string
  readonly begunAt: number
  readonly endedAt: number
  /** Each event that was published by `endedAt` was mailed. */
  readonly caughtUpAt: number
}

export interface LoadOptions {
  readonly events: readonly TestEvent[]
  readonly perSecond: number
  readonly faults: readonly Fault[]
  /** Mails between two faults. */
  readonly gapMails: number
  /** After this time without progress the scenario fails. */
  readonly stuckMs: number
  readonly print: (line: string) => void
}

export interface LoadResult {
  readonly settled: boolean
  readonly periods: readonly Period[]
  readonly uncertain: readonly UncertainMails[]
  /** For each event. */
  readonly publishedAt: readonly number[]
  /** Faults that began when every event was published. */
  readonly late: number
}

/** Publishes the events, and injects the faults meanwhile, one after the other. */
export async function runUnderLoad(
  { broker, topic, sink, ledger }: Cluster,
  { events, perSecond, faults, gapMails, stuckMs, print }: LoadOptions,
): Promise<LoadResult> {
  const publishedAt: number[] = []
  const publishing = publishPaced(events, {
    broker,
    topic,
    perSecond,
    onProgress(published) {
      while (publishedAt.length < published) publishedAt.push(Date.now())
    },
  })
  publishing.catch(() => {})
  const mailed = new Set<string>()
  const end = sink.onBody((send) => {
    if (isAccepted(send)) for (const id of send.eventIds) mailed.add(id)
  })
  /** Resolves to false if `left` gets no smaller for `stuckMs`. */
  async function untilNone(left: () => number): Promise<boolean> {
    let before = left()
    for (let progressAt = Date.now(); before > 0; await pause(50)) {
      const now = left()
      if (now < before) progressAt = Date.now()
      before = now
      if (Date.now() - progressAt > stuckMs) return false
    }
    return true
  }
  const missingOf = (due: readonly TestEvent[]) => due.filter(({ id }) => !mailed.has(id))
  const periods: Period[] = []
  const uncertain: UncertainMails[] = []
  let late = 0
  try {
    let settled = true
    for (const { name, inject } of faults) {
      const enough = Math.min(mailed.size + gapMails, events.length)
      settled &&= await untilNone(() => enough - mailed.size)
      if (publishedAt.length === events.length) late += 1
      const begunAt = Date.now()
      uncertain.push(await inject())
      const endedAt = Date.now()
      const due = events.slice(0, publishedAt.length)
      settled &&= await untilNone(() => missingOf(due).length)
      const period = { name, begunAt, endedAt, caughtUpAt: Date.now() }
      periods.push(period)
      print(describePeriod(period, publishedAt, events, sink.sends))
      if (!settled) {
        const missing = missingOf(due)
        print(`${missing.length} events are not mailed after ${stuckMs / 1000} s:`)
        const records = await ledger.findAll(missing.slice(0, 5).map(({ id }) => id))
        for (const record of records) print(`  ${JSON.stringify(record)}`)
        break
      }
    }
    if (settled) {
      await publishing
      settled = await untilNone(() => missingOf(events).length)
    }
    settled &&= await ledger.untilSettled(events, stuckMs)
    return { settled, periods, uncertain, publishedAt, late }
  } finally {
    end()
  }
}

/** For how long one recipient had a published event that was not mailed, and no mail in between. */
interface RecipientDelay {
  readonly recipient: string
  readonly ms: number
}

/** For each fault and recipient, the longest delay until every published event was mailed. */
export function longestDelays(
  { begunAt, caughtUpAt }: Period,
  events: readonly TestEvent[],
  publishedAt: readonly number[],
  sends: readonly Send[],
): RecipientDelay[] {
  const mailedAt = new Map<string, number>()
  for (const send of sends.filter(isAccepted)) {
    for (const id of send.eventIds) {
      mailedAt.set(id, Math.min(mailedAt.get(id) ?? Infinity, send.bodyAt ?? Infinity))
    }
  }
  const longest = new Map<string, number>()
  const lastMailedAt = new Map<string, number>()
  for (const [at, { id, recipient }] of events.entries()) {
    const mailed = mailedAt.get(id) ?? Infinity
    const headAt = Math.max(publishedAt[at] ?? 0, lastMailedAt.get(recipient) ?? 0)
    lastMailedAt.set(recipient, Math.max(mailed, lastMailedAt.get(recipient) ?? 0))
    const ms = Math.min(mailed, caughtUpAt) - Math.max(headAt, begunAt)
    if (ms > (longest.get(recipient) ?? 0)) longest.set(recipient, ms)
  }
  return [...longest].map(([recipient, ms]) => ({ recipient, ms }))
}

/** One line for a fault: how long mails were delayed. */
function describePeriod(
  period: Period,
  publishedAt: readonly number[],
  events: readonly TestEvent[],
  sends: readonly Send[],
): string {
  const times = longestDelays(period, events, publishedAt, sends)
    .map(({ ms }) => ms)
    .sort((one, other) => one - other)
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  const median = times[Math.floor(times.length / 2)] ?? 0
  const slow = times.filter((ms) => ms > 2000).length
  return `${period.name}: the mails of a recipient were delayed by at most ${seconds(times.at(-1) ?? 0)} (median ${seconds(median)}, over 2 s for ${slow} of ${times.length}); caught up ${seconds(period.caughtUpAt - period.endedAt)} after its end`
}

export const everyNotifier = Array.from({ length: notifiers }, (_, index) => index)
