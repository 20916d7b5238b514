import { closeSync, constants, type FSWatcher, openSync, watch, writeSync } from 'node:fs'

/** Wakes other processes of this machine that wait for a change. Only a hint: it carries no data. */
export interface Bell {
  ring(): void
  /**
   * Calls `onRing` after a ring of any process, including this one (once for rings in quick
   * succession), and every `pollMs` (1,000), because a ring can be missed. Returns a function that
   * stops it.
   */
  listen(onRing: () => void, options?: { pollMs?: number }): () => void
  close(): void
}

/** The bell is a file that ringing writes to and listeners watch. Throws the system's error. */
export function openBell(path: string): Bell {
  // Not truncated: that would be a ring.
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT)
  const stops = new Set<() => void>()
  const listeners = new Set<() => void>()
  let watcher: FSWatcher | undefined
  let isScheduled = false
  let closed = false
  const notify = () => {
    if (isScheduled) return
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      for (const listener of listeners) listener()
    })
  }
  const startWatching = () => {
    try {
      // If it fails, because inotify's limits are reached, polling is enough.
      watcher = watch(path, { persistent: false }, notify).on('error', () => {})
    } catch {}
  }
  return {
    ring() {
      if (!closed) writeSync(file, '.', 0)
    },
    listen(onRing, { pollMs = 1000 } = {}) {
      if (closed) return () => {}
      if (!watcher) startWatching()
      const timer = setInterval(onRing, pollMs)
      timer.unref()
      const listener = () => onRing()
      const stop = () => {
        listeners.delete(listener)
        stops.delete(stop)
        clearInterval(timer)
      }
      listeners.add(listener)
      stops.add(stop)
      return stop
    },
    close() {
      if (closed) return
      closed = true
      for (const stop of stops) stop()
      watcher?.close()
      closeSync(file)
    },
  }
}
