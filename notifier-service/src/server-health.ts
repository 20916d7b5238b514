import type { PossibleServerFailure } from './send-result.js'

/** What a failure is about. `unclear`: no other mail has shown it yet. */
export type FailureScope = 'mail' | 'server' | 'unclear'

/**
 * Decides by the results of other mails whether a failure is about one mail or the server. If the
 * server accepts a mail whose attempt began later, the failure is about the first mail. If several
 * mails in a row fail and none is accepted in between, it is about the server.
 */
export interface ServerHealth {
  /** An attempt begins. Returns its number. */
  begin(): number
  recordAccepted(attempt: number): void
  /** Whether a mail was accepted whose attempt began after this one. */
  acceptedSince(attempt: number): boolean
  recordServerFailure(
    messageId: string,
    attempt: number,
    failure: PossibleServerFailure,
  ): FailureScope
  /** How many failures in a row were recorded for the mail. */
  failuresOf(messageId: string): number
  /** The mail has a result that is about the mail itself. */
  forget(messageId: string): void
}

/** Failures in a row without an accepted mail that make it a failure of the server. */
const maxInARow = 3

/** Mails remembered; one that another notifier took over is never forgotten here. */
const maxRemembered = 10_000

export function createServerHealth(): ServerHealth {
  const failed = new Map<string, { times: number; since: number }>()
  const inARow = new Set<string>()
  let attempts = 0
  let lastAccepted = 0
  return {
    begin() {
      attempts += 1
      return attempts
    },
    recordAccepted(attempt) {
      lastAccepted = Math.max(lastAccepted, attempt)
      inARow.clear()
    },
    acceptedSince: (attempt) => lastAccepted > attempt,
    recordServerFailure(messageId, attempt, { about, unanswered }) {
      const { times, since } = failed.get(messageId) ?? { times: 0, since: attempt }
      const isAboutMail = lastAccepted > since
      // The map is in the order of the last failure: its first entry is the one to drop.
      failed.delete(messageId)
      failed.set(messageId, { times: times + 1, since: isAboutMail ? attempt : since })
      const [oldest] = failed.keys()
      if (failed.size > maxRemembered && oldest !== undefined) failed.delete(oldest)
      if (isAboutMail) return 'mail'
      // One mail that fails repeatedly counts once, unless the reply is not about a mail.
      const isOfOneMail = about === 'mail' || unanswered === true
      inARow.add(isOfOneMail ? messageId : `attempt ${attempt}`)
      return inARow.size >= maxInARow ? 'server' : 'unclear'
    },
    failuresOf: (messageId) => failed.get(messageId)?.times ?? 0,
    forget(messageId) {
      failed.delete(messageId)
    },
  }
}
