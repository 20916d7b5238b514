import type { Outbox, OutboxEntry } from '@herald/broker/outbox'

/** What the outbox of this machine knows of one event. */
export interface OutboxTrace {
  readonly entryId: string
  readonly eventId: string
  readonly conversionId: string
  /** The file it is about. */
  readonly label: string
  readonly topic: string
  readonly keptAt: Date
  readonly state: 'being placed' | 'waiting' | 'published'
  /** Failed attempts to publish it. */
  readonly attempts: number
  /** Why the last one failed; undefined where none did. */
  readonly lastFault: string | undefined
  readonly publishedAt: Date | undefined
  readonly partition: number | undefined
  readonly offset: string | undefined
}

/** Every event with that id, or of that conversion, by id. */
export function traceInOutbox(
  outbox: Pick<Outbox, 'entries' | 'receipts'>,
  id: string,
): OutboxTrace[] {
  const traces = new Map<string, OutboxTrace>()
  for (const { events, createdAt, ...receipt } of outbox.receipts()) {
    for (const event of events) {
      if (event.id !== id && event.subject !== id) continue
      traces.set(event.id, {
        ...receipt,
        entryId: receipt.id,
        eventId: event.id,
        conversionId: event.subject,
        keptAt: createdAt,
        state: 'published',
        lastFault: undefined,
        partition: event.partition,
        offset: event.offset,
      })
    }
  }
  // Read last and put over it: what stands in the outbox is not published by what anybody knows.
  for (const entry of outbox.entries()) {
    for (const trace of tracesOf(entry)) {
      if (trace.eventId === id || trace.conversionId === id) traces.set(trace.eventId, trace)
    }
  }
  return [...traces.values()].sort((a, b) => (a.eventId < b.eventId ? -1 : 1))
}

function tracesOf(entry: OutboxEntry): OutboxTrace[] {
  return entry.events.map(({ id, subject }) => ({
    entryId: entry.id,
    eventId: id,
    conversionId: subject,
    label: entry.label,
    topic: entry.topic,
    keptAt: entry.createdAt,
    state: entry.state === 'prepared' ? 'being placed' : 'waiting',
    attempts: entry.attempts,
    lastFault: entry.lastFault,
    publishedAt: undefined,
    partition: undefined,
    offset: undefined,
  }))
}
