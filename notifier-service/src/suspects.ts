/**
 * Finds the mail that a server answers with 421 while it takes others: it would pause them all
 * for ever, though nothing is wrong with the server.
 */
export interface Suspects {
  /** The server took a mail. */
  sent(): void
  /** The server called itself out of service at this mail; says whether it is the mail's own fault by now. */
  accuse(messageId: string): boolean
  /** The mail has an outcome of its own. */
  forget(messageId: string): void
}

/** Times in a row, each time after others went through. */
const enough = 5

export function createSuspects(): Suspects {
  const accused = new Map<string, { times: number; sentBefore: number }>()
  let mailsSent = 0
  return {
    sent() {
      mailsSent += 1
    },
    accuse(messageId) {
      const before = accused.get(messageId)
      const times =
        before === undefined ? 1 : before.times + (mailsSent > before.sentBefore ? 1 : 0)
      if (times >= enough) {
        accused.delete(messageId)
        return true
      }
      accused.set(messageId, { times, sentBefore: mailsSent })
      return false
    },
    forget(messageId) {
      accused.delete(messageId)
    },
  }
}
