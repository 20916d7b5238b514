import type { DigestRule } from './gathering.js'

/** What is known of one run at one recipient; nothing here touches the store. */
export interface Run {
  /** The lane and the name it is kept under. */
  readonly lane: string
  readonly run: string
  /** Events that came, those of earlier digests included. */
  readonly seen: number
  /** 0 where it is not known. */
  readonly size: number
  /** Of those gathered now: the place of the first and of the next to come, bytes, and when the first came. */
  readonly from: number
  readonly next: number
  readonly bytes: number
  readonly firstAt: number
  readonly lastAt: number
  /** When it is to be closed; of no meaning where none is gathered. */
  readonly dueAt: number
}

export const newRun = (lane: string, run: string, next: number): Run => ({
  lane,
  run,
  seen: 0,
  size: 0,
  from: next,
  next,
  bytes: 0,
  firstAt: 0,
  lastAt: 0,
  dueAt: 0,
})

export const gatheredIn = ({ from, next }: Run) => next - from

export function withEvent(run: Run, { size, bytes }: { size: number; bytes: number }): Run {
  const now = Date.now()
  return {
    ...run,
    seen: run.seen + 1,
    size: Math.max(run.size, size),
    next: run.next + 1,
    bytes: run.bytes + bytes,
    firstAt: gatheredIn(run) === 0 ? now : run.firstAt,
    lastAt: now,
  }
}

/** What is left once its events are a mail. */
export const emptied = (run: Run): Run => ({ ...run, from: run.next, bytes: 0 })

export const isComplete = ({ seen, size }: Run) => size > 0 && seen >= size

/** Whether it is to be closed now, whatever may follow. */
export function isRipe(run: Run, { maxEvents, maxBytes }: DigestRule): boolean {
  return isComplete(run) || gatheredIn(run) >= maxEvents || run.bytes >= maxBytes
}

/** As if it had been gathered with the clock at `now`, which is earlier than its last event. */
export function movedTo(now: number, run: Run): Run {
  return { ...run, firstAt: run.firstAt - (run.lastAt - now), lastAt: now }
}

/** When it is to be closed though more may follow. */
export function dueAt(run: Run, { quietMs, maxMs, latestMs }: DigestRule): number {
  if (run.size > 0) return Math.min(run.lastAt + maxMs, run.firstAt + latestMs)
  return Math.min(run.lastAt + quietMs, run.firstAt + maxMs)
}
