import type { Suspect } from './send-result.js'

/** `unclear`: nothing has happened since that could tell. */
export type Verdict = 'mail' | 'server' | 'unclear'

/**
 * Tells a refusal of one mail from a failure of the server by what becomes of other mails. If the
 * server accepts a mail whose attempt began later, the refusal is about the first mail. If several
 * are refused in a row and none is accepted in between, it is about the server.
 */
export interface ServerHealth {
  /** An attempt begins. Returns its number. */
  begin(): number
  accepted(attempt: number): void
  /** Whether a mail was accepted whose attempt began after this one. */
  acceptedSince(attempt: number): boolean
  judge(messageId: string, attempt: number, suspect: Suspect): Verdict
  /** How often in a row the mail was suspected. */
  times(messageId: string): number
  /** The mail has an outcome of its own. */
  forget(messageId: string): void
}

/** Refusals in a row without an accepted mail that make it a failure of the server. */
const maxInARow = 3

/** Mails remembered; one that another notifier took over never ends here. */
const maxSuspected = 10_000

export function createServerHealth(): ServerHealth {
  const suspected = new Map<string, { times: number; since: number }>()
  const inARow = new Set<string>()
  let attempts = 0
  let lastAccepted = 0
  return {
    begin() {
      attempts += 1
      return attempts
    },
    accepted(attempt) {
      lastAccepted = Math.max(lastAccepted, attempt)
      inARow.clear()
    },
    acceptedSince: (attempt) => lastAccepted > attempt,
    judge(messageId, attempt, { about, unanswered }) {
      const { times, since } = suspected.get(messageId) ?? { times: 0, since: attempt }
      const isOwn = lastAccepted > since
      // The last one suspected comes last: the first in the map is the one to forget.
      suspected.delete(messageId)
      suspected.set(messageId, { times: times + 1, since: isOwn ? attempt : since })
      const [oldest] = suspected.keys()
      if (suspected.size > maxSuspected && oldest !== undefined) suspected.delete(oldest)
      if (isOwn) return 'mail'
      // One mail that is refused again and again is counted once, unless the answer names no mail.
      const isOfOneMail = about === 'mail' || unanswered === true
      inARow.add(isOfOneMail ? messageId : `attempt ${attempt}`)
      return inARow.size >= maxInARow ? 'server' : 'unclear'
    },
    times: (messageId) => suspected.get(messageId)?.times ?? 0,
    forget(messageId) {
      suspected.delete(messageId)
    },
  }
}
