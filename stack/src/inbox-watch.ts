import { type Mail, openInboxClient } from '@herald/mailhog/inbox-client'

export interface Arrival {
  readonly mail: Mail
  /** When it was first seen in the inbox, by `Date.now()`; at most `pollMs` late. */
  readonly seenAt: number
}

/** Watches an inbox; mails that were there before are left out. */
export interface InboxWatch {
  /** Resolves to the first new mail for which `wanted` holds; undefined after `withinMs`. */
  arrival(wanted: (mail: Mail) => boolean, withinMs: number): Promise<Arrival | undefined>
  close(): void
}

const pollMs = 20

/** Rejects with InboxError if no inbox answers at `webUrl`. */
export async function watchInbox(webUrl: string): Promise<InboxWatch> {
  const inbox = await openInboxClient(webUrl)
  const before = new Set((await inbox.list()).map(({ id }) => id))
  const arrivals = new Map<string, Arrival>()
  let closed = false
  const poll = async () => {
    const mails = await inbox.list()
    const seenAt = Date.now()
    for (const mail of mails) {
      if (!before.has(mail.id) && !arrivals.has(mail.id)) arrivals.set(mail.id, { mail, seenAt })
    }
  }
  const pause = () => new Promise((resolve) => setTimeout(resolve, pollMs))
  const watching = (async () => {
    while (!closed) {
      await poll()
      await pause()
    }
  })()
  // An error rejects the pending call of arrival().
  watching.catch(() => {})
  return {
    async arrival(wanted, withinMs) {
      const giveUpAt = Date.now() + withinMs
      for (;;) {
        const found = [...arrivals.values()].find(({ mail }) => wanted(mail))
        if (found || Date.now() >= giveUpAt) return found
        await Promise.race([watching, pause()])
      }
    },
    close() {
      closed = true
    },
  }
}
