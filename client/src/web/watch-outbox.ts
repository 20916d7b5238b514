import type { Outbox } from '@herald/broker/outbox'
import type { Logger } from '@herald/runtime/logger'
import type { ConversionEvents } from './conversion-events.js'
import { logOutages } from './log-outages.js'
import type { AnnouncementState, ConversionRecord } from './record.js'
import type { Records } from './records.js'

export interface OutboxWatch {
  /** Updates that record until its announcement is published. */
  follow(record: ConversionRecord): void
  close(): Promise<void>
}

/** Entries read at a time, of the oldest and of the others: a backlog must not block the page. */
const maxReadOfEach = 50

/** Keeps the records' state of their announcements up to date. */
export function watchOutbox(
  outbox: Pick<Outbox, 'changed' | 'entry'>,
  { records, events, logger }: { records: Records; events: ConversionEvents; logger: Logger },
): OutboxWatch {
  /** Token → entry, the oldest first: they are published first. */
  const followed = new Map<string, string>()
  /** Token → the error that its record has, if any. */
  const faults = new Map<string, string>()
  let added: [token: string, entryId: string][] = []
  let turn = followed.entries()
  let wake = () => {}
  const logged = logOutages(logger, {
    failed: 'cannot follow announcements; will retry',
    again: 'announcements are followed again',
  })
  let closed = false

  const unsubscribe = events.subscribe((event) => {
    if (event.kind === 'record') follow(event.record)
  })
  const watching = watch()

  function follow({ token, announcement, holder }: ConversionRecord): void {
    // Announcements of other instances are in their outboxes.
    if (holder !== records.instance || !announcement?.entryId || followed.has(token)) return
    if (announcement.publishedAtMs > 0) return
    followed.set(token, announcement.entryId)
    if (added.length < maxReadOfEach) added.push([token, announcement.entryId])
    wake()
  }

  async function watch(): Promise<void> {
    while (!closed) {
      const changed = outbox.changed()
      const awake = new Promise<void>((resolve) => {
        wake = resolve
      })
      let settled = 0
      await logged(async () => {
        for (const [token, entryId] of nextToRead()) settled += await read(token, entryId)
      })
      // If some are published, those after them may be as well.
      if (settled === 0 && !closed) await Promise.race([changed, awake])
    }
  }

  /** The oldest, the new ones, and some of the others in turn. */
  function nextToRead(): Map<string, string> {
    const next = new Map(added)
    added = []
    let oldest = 0
    for (const [token, entryId] of followed) {
      if (oldest++ === maxReadOfEach) break
      next.set(token, entryId)
    }
    for (let others = 0; others < Math.min(maxReadOfEach, followed.size); others += 1) {
      let step = turn.next()
      if (step.done) {
        turn = followed.entries()
        step = turn.next()
      }
      if (step.value) next.set(...step.value)
    }
    return next
  }

  /** Resolves to 1 if the entry is published, else to 0. */
  async function read(token: string, entryId: string): Promise<number> {
    const entry = outbox.entry(entryId)
    if (entry && entry.state.kind !== 'published') {
      const lastFault = entry.lastError ?? ''
      if (lastFault !== (faults.get(token) ?? '')) {
        await change(token, { lastFault })
        faults.set(token, lastFault)
      }
      return 0
    }
    await change(token, { publishedAtMs: records.now(), lastFault: '' })
    followed.delete(token)
    faults.delete(token)
    return 1
  }

  async function change(token: string, changes: Partial<AnnouncementState>) {
    const changed = await records.changeAnnouncement(token, changes)
    if (changed) events.publish({ kind: 'record', record: changed })
  }

  return {
    follow,
    async close() {
      closed = true
      unsubscribe()
      wake()
      await watching
    },
  }
}
