import type { Stage } from '../conversion-progress.js'
import { type ConversionIdentity, type ConversionRecord, isOver } from './record.js'

/** How far a conversion is. */
export interface Progress {
  readonly stage: Stage
  /** 0 to 1; undefined if unknown. */
  readonly done?: number | undefined
}

export type ConversionEvent =
  | { readonly kind: 'record'; readonly record: ConversionRecord }
  | { readonly kind: 'progress'; readonly record: ConversionIdentity; readonly progress: Progress }
  | { readonly kind: 'removed'; readonly record: ConversionIdentity }

/** Passes changes of conversions to subscribers in this process. */
export interface ConversionEvents {
  publish(event: ConversionEvent): void
  /** Returns a function that ends the subscription. */
  subscribe(onEvent: (event: ConversionEvent) => void): () => void
}

export function openConversionEvents(): ConversionEvents {
  const subscribers = new Set<(event: ConversionEvent) => void>()
  return {
    publish(event) {
      for (const onEvent of subscribers) onEvent(event)
    },
    subscribe(onEvent) {
      subscribers.add(onEvent)
      return () => void subscribers.delete(onEvent)
    },
  }
}

/** The latest progress of the conversions under way, for a page that is opened meanwhile. */
export function latestProgress(events: ConversionEvents) {
  const latest = new Map<string, Progress>()
  events.subscribe((event) => {
    if (event.kind === 'progress') latest.set(event.record.token, event.progress)
    else if (event.kind === 'removed' || isOver(event.record)) latest.delete(event.record.token)
  })
  return (token: string) => latest.get(token)
}
