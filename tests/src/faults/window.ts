import { setTimeout as pause } from 'node:timers/promises'
import { isAccepted } from './count.js'
import type { FaultySmtp } from './faulty-smtp.js'
import type { Fleet } from './fleet.js'
import type { LedgerView } from './ledger-view.js'
import type { Send } from './send.js'

/** Counts the events whose mail was accepted. */
export function watchProgress(sink: FaultySmtp) {
  const accepted = new Set<string>()
  let waiting: { mails: number; resolve: () => void }[] = []
  const end = sink.onBody((send) => {
    if (send.eventId === undefined || !isAccepted(send)) return
    accepted.add(send.eventId)
    for (const { mails, resolve } of waiting) if (accepted.size >= mails) resolve()
    waiting = waiting.filter(({ mails }) => accepted.size < mails)
  })
  return {
    end,
    get mails() {
      return accepted.size
    },
    until: (mails: number) =>
      new Promise<void>((resolve) => {
        if (accepted.size >= mails) resolve()
        else waiting.push({ mails, resolve })
      }),
  }
}

/** The mails whose result is uncertain after a kill. */
export interface UncertainMails {
  /** Sends of the victim between 354 and reply, by what the server saw. */
  readonly open: readonly Send[]
  /** Events whose mail was answered 250 but whose result is not in the ledger. */
  readonly unrecorded: readonly string[]
}

const unrecordedWithinMs = 2000

/** Kills a notifier and reports the mails it was sending. `since`: when its process started. */
export function killAndInspect(
  fleet: Fleet,
  victim: number,
  since: number,
  sink: FaultySmtp,
  ledger: LedgerView,
): Promise<UncertainMails> {
  return inspectFault([victim], since, sink, ledger, () => fleet.kill(victim))
}

/** Lets a fault happen to notifiers and reports the mails that they were sending meanwhile, since `since`. */
export async function inspectFault(
  victims: readonly number[],
  since: number,
  sink: FaultySmtp,
  ledger: LedgerView,
  inject: () => Promise<void>,
): Promise<UncertainMails> {
  const begunAt = Date.now()
  const open = new Set(victims.flatMap((victim) => sink.open(victim)))
  await inject()
  const endedAt = Date.now()
  const duringRun = sink.sends.filter(
    ({ listener, startedAt }) =>
      victims.includes(listener) && startedAt >= since && startedAt <= endedAt,
  )
  // Also sends that began or were answered before the fault took effect.
  for (const send of duringRun) {
    const over = send.replied ? send.repliedAt : send.closedAt
    if (over === undefined || over >= begunAt) open.add(send)
  }
  const answered = duringRun.filter(
    (send) =>
      send.replied && !open.has(send) && (send.repliedAt ?? 0) >= begunAt - unrecordedWithinMs,
  )
  const ids = answered.flatMap(({ eventId }) => eventId ?? [])
  const records = await ledger.findAll(ids)
  const isRecorded = (at: number) =>
    records[at]?.state !== 'unknown' && records[at]?.state !== 'attempting'
  return { open: [...open], unrecorded: ids.filter((_, at) => !isRecorded(at)) }
}

/** Resolves when a complete body at that listener waits for its reply, or after `timeoutMs`. */
export async function untilInWindow(sink: FaultySmtp, listener: number, timeoutMs: number) {
  const waits = () => sink.open(listener).some(({ bodyAt }) => bodyAt !== undefined)
  if (waits()) return true
  let end = () => {}
  const complete = new Promise<boolean>((resolve) => {
    end = sink.onBody((send) => send.listener === listener && resolve(true))
  })
  const late = new AbortController()
  const inTime = await Promise.race([
    complete,
    pause(timeoutMs, false, { signal: late.signal }).catch(() => false),
  ])
  late.abort()
  end()
  return inTime
}
