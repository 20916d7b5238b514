import type { ConversionRecord } from './record.js'

export type Stage = 'uploading' | 'waiting' | 'converting' | 'saving'

/** How far a conversion is. */
export interface Progress {
  readonly stage: Stage
  /** 0 to 1; undefined where that cannot be told. */
  readonly done: number | undefined
}

export type News =
  | { readonly kind: 'record'; readonly record: ConversionRecord }
  | { readonly kind: 'progress'; readonly record: ConversionRecord; readonly progress: Progress }
  | { readonly kind: 'removed'; readonly record: ConversionRecord }

/** Reports what happens to conversions to its listeners. */
export interface NewsDesk {
  tell(news: News): void
  /** Returns what ends it. */
  listen(heard: (news: News) => void): () => void
}

export function openNewsDesk(): NewsDesk {
  const listeners = new Set<(news: News) => void>()
  return {
    tell(news) {
      for (const listener of listeners) listener(news)
    },
    listen(heard) {
      listeners.add(heard)
      return () => void listeners.delete(heard)
    },
  }
}
