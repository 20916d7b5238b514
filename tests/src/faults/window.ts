import { setTimeout as pause } from 'node:timers/promises'
import { isTaken } from './count.js'
import type { FaultySmtp } from './faulty-smtp.js'
import type { Fleet } from './fleet.js'
import type { LedgerView } from './ledger-view.js'
import type { Send } from './send.js'

/** Resolves when mails of so many different events were taken. */
export function watchProgress(sink: FaultySmtp) {
  const taken = new Set<string>()
  let waiting: { mails: number; wake: () => void }[] = []
  const end = sink.onBody((send) => {
    if (send.eventId === undefined || !isTaken(send)) return
    taken.add(send.eventId)
    for (const { mails, wake } of waiting) if (taken.size >= mails) wake()
    waiting = waiting.filter(({ mails }) => taken.size < mails)
  })
  return {
    end,
    get mails() {
      return taken.size
    },
    until: (mails: number) =>
      new Promise<void>((wake) => {
        if (taken.size >= mails) wake()
        else waiting.push({ mails, wake })
      }),
  }
}

/** What a kill may have left in doubt. */
export interface Doubt {
  /** Sends of the victim between 354 and reply, by what the server saw. */
  readonly open: readonly Send[]
  /** Events whose mail was answered 250 that the ledger did not note any more. */
  readonly unnoted: readonly string[]
}

const unnotedWithinMs = 2000

/** Kills a notifier and says what it was in the middle of. `since`: when its life began. */
export async function killAndLook(
  fleet: Fleet,
  victim: number,
  since: number,
  sink: FaultySmtp,
  ledger: LedgerView,
): Promise<Doubt> {
  const killedAt = Date.now()
  const open = new Set(sink.open(victim))
  await fleet.kill(victim)
  const life = sink.sends.filter(({ door, startedAt }) => door === victim && startedAt >= since)
  // What began or was answered while the signal was on its way.
  for (const send of life) {
    const over = send.replied ? send.repliedAt : send.closedAt
    if (over === undefined || over >= killedAt) open.add(send)
  }
  const answered = life.filter(
    (send) =>
      send.replied && !open.has(send) && (send.repliedAt ?? 0) >= killedAt - unnotedWithinMs,
  )
  const ids = answered.flatMap(({ eventId }) => eventId ?? [])
  const records = await ledger.findAll(ids)
  const unnoted = ids.filter((_, at) => records[at]?.state === 'unknown')
  return { open: [...open], unnoted }
}

/** Resolves when a whole body of that door waits for its reply, or after `timeoutMs`. */
export async function untilInWindow(sink: FaultySmtp, door: number, timeoutMs: number) {
  const waits = () => sink.open(door).some(({ bodyAt }) => bodyAt !== undefined)
  if (waits()) return true
  let end = () => {}
  const came = new Promise<boolean>((resolve) => {
    end = sink.onBody((send) => send.door === door && resolve(true))
  })
  const late = new AbortController()
  const inTime = await Promise.race([
    came,
    pause(timeoutMs, false, { signal: late.signal }).catch(() => false),
  ])
  late.abort()
  end()
  return inTime
}
