import type { KeptDelivery } from './deferred-lanes.js'
import type { EventRef } from './ledger.js'

/** An event that waits, as a row of the store: with its bytes, and no Date. */
export interface QueuedEvent {
  readonly event: EventRef
  readonly delivery: Omit<KeptDelivery, 'publishedAt'> & { readonly publishedAtMs: number }
}

/** The place of an event that waits for the others of its run. */
export type GatheredKey = [lane: string, run: string, position: number]

export function queued(kept: { event: EventRef; delivery: KeptDelivery }): QueuedEvent {
  const { publishedAt, topic, partition, offset, key, value, headers, raw } = kept.delivery
  const publishedAtMs = publishedAt.getTime()
  return {
    event: kept.event,
    delivery: { topic, partition, offset, key, value, headers, ...(raw && { raw }), publishedAtMs },
  }
}

export function unqueued({ delivery: { publishedAtMs, ...rest } }: QueuedEvent): KeptDelivery {
  return { ...rest, publishedAt: new Date(publishedAtMs) }
}
