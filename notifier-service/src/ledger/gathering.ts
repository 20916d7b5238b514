import type { DigestRule } from './lanes.js'

/** What is gathered of one run for one recipient. Pure functions: nothing here touches the store. */
export interface GatheredRun {
  /** Events that came, those of earlier digests included. */
  readonly seen: number
  /** Events of the run in all; 0 if that is not known. */
  readonly size: number
  /** Events gathered now, and their bytes. */
  readonly count: number
  readonly bytes: number
  /** When the first of them and the last event of the run came. */
  readonly firstAt: number
  readonly lastAt: number
}

export const newRun: GatheredRun = { seen: 0, size: 0, count: 0, bytes: 0, firstAt: 0, lastAt: 0 }

/** What an event that comes does to its run. */
export interface AddedEvent {
  /** The events gathered so far become a mail first: with this one they would be too large. */
  readonly closesBefore: boolean
  /** Its index among those gathered. */
  readonly index: number
  /** The events gathered become a mail, this one included. */
  readonly closesAfter: boolean
  /** The run afterwards. */
  readonly run: GatheredRun
}

/** `size`: of the run in all as the event says, 0 if it is not known; `bytes`: of the event. */
export function addEvent(
  run: GatheredRun,
  { size, bytes, now }: { size: number; bytes: number; now: number },
  rule: DigestRule,
): AddedEvent {
  const closesBefore = run.count > 0 && run.bytes + bytes > rule.maxBytes
  const count = closesBefore ? 0 : run.count
  const added = {
    seen: run.seen + 1,
    size: Math.max(run.size, size),
    count: count + 1,
    bytes: (closesBefore ? 0 : run.bytes) + bytes,
    firstAt: count === 0 ? now : run.firstAt,
    lastAt: now,
  }
  const closesAfter = isFull(added, rule)
  return {
    closesBefore,
    index: count,
    closesAfter,
    run: closesAfter ? withoutEvents(added) : added,
  }
}

/** What the record of an event's mail is while the event is gathered. */
export function gatheringState(
  lane: string,
  { size, now }: { size: number; now: number },
  { maxMs, quietMs }: DigestRule,
) {
  return {
    lane,
    state: 'gathering',
    // `herald why` shows it.
    reply: 'waiting for other files of its run',
    nextAttemptAt: now + (size > 0 ? maxMs : quietMs),
  } as const
}

/** The run after its gathered events became a mail. */
export const withoutEvents = (run: GatheredRun): GatheredRun => ({ ...run, count: 0, bytes: 0 })

const isComplete = ({ seen, size }: GatheredRun) => size > 0 && seen >= size

/** Whether it is to be closed now, whatever may follow. */
function isFull(run: GatheredRun, { maxEvents, maxBytes }: DigestRule): boolean {
  return isComplete(run) || run.count >= maxEvents || run.bytes >= maxBytes
}

/** Whether nothing is gathered and no more events are expected; those of earlier digests count towards the size. */
export const isOver = (run: GatheredRun) => run.count === 0 && (run.size === 0 || isComplete(run))

/** When it is to be closed though more may follow; if nothing is gathered, when to delete it. */
export function closeAt(run: GatheredRun, { quietMs, maxMs, latestMs }: DigestRule): number {
  if (run.count === 0) return run.lastAt + latestMs
  if (run.size > 0) return Math.min(run.lastAt + maxMs, run.firstAt + latestMs)
  return Math.min(run.lastAt + quietMs, run.firstAt + maxMs)
}

/** The run as if the clock had been at `now`, which is earlier than its last event. */
export function movedTo(now: number, run: GatheredRun): GatheredRun {
  return { ...run, firstAt: run.firstAt - (run.lastAt - now), lastAt: now }
}
