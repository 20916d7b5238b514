import type { ConversionEvents, Progress } from './conversion-events.js'
import { isOver } from './record.js'

/** The latest progress of the conversions that run, for a page that is opened meanwhile. */
export function keepProgress(events: ConversionEvents) {
  const latest = new Map<string, Progress>()
  const stop = events.subscribe((event) => {
    if (event.kind === 'progress') latest.set(event.record.token, event.progress)
    else if (event.kind === 'removed' || isOver(event.record)) latest.delete(event.record.token)
  })
  return { of: (token: string) => latest.get(token), close: stop }
}
