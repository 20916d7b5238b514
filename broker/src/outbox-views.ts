import type { OutboxEntry, OutboxReceipt } from './outbox.js'
import type { EntryRecord, Receipt } from './outbox-records.js'

/** The record as the outbox shows it. */
export function toEntry(id: string, state: OutboxEntry['state'], record: EntryRecord): OutboxEntry {
  return {
    id,
    state,
    announcement: record.announcement,
    createdAt: new Date(record.createdAtMs),
    attempts: record.attempts,
    lastFault: record.lastFault ?? undefined,
    notBefore: record.notBeforeMs === 0 ? undefined : new Date(record.notBeforeMs),
  }
}

export function toReceipt(id: string, receipt: Receipt): OutboxReceipt {
  const { published, atMs, createdAtMs = atMs, attempts = 0, topic = '', label = '' } = receipt
  return {
    id,
    topic,
    label,
    attempts,
    createdAt: new Date(createdAtMs),
    publishedAt: new Date(atMs),
    events: (receipt.events ?? []).map(([event, subject], at) => ({
      ...published[at],
      id: event,
      subject,
    })),
  }
}
