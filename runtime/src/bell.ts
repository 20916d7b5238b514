import { closeSync, constants, type FSWatcher, openSync, watch, writeSync } from 'node:fs'

/** Wakes the processes of one machine that wait for the same thing. A hint, never the news itself. */
export interface Bell {
  ring(): void
  /**
   * Calls `heard` after each ring of any process, this one included, rings close together once;
   * and every `pollMs` (1,000) in any case, since a ring can be missed. Returns what ends it.
   */
  listen(heard: () => void, options?: { pollMs?: number }): () => void
  close(): void
}

/** A bell that is a file: writing to it rings, whoever watches it hears. Throws the system's error. */
export function openBell(path: string): Bell {
  // Not truncated: that would ring at every opening.
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT)
  const endings = new Set<() => void>()
  const listeners = new Set<() => void>()
  let watcher: FSWatcher | undefined
  let ringing = false
  let closed = false
  const hear = () => {
    if (ringing) return
    ringing = true
    setImmediate(() => {
      ringing = false
      for (const listener of listeners) listener()
    })
  }
  const startWatching = () => {
    try {
      // A watch that fails (inotify's limits) leaves the poll.
      watcher = watch(path, { persistent: false }, hear).on('error', () => {})
    } catch {}
  }
  return {
    ring() {
      if (!closed) writeSync(file, '.', 0)
    },
    listen(heard, { pollMs = 1000 } = {}) {
      if (closed) return () => {}
      if (!watcher) startWatching()
      const timer = setInterval(heard, pollMs)
      timer.unref()
      const listener = () => heard()
      const end = () => {
        listeners.delete(listener)
        endings.delete(end)
        clearInterval(timer)
      }
      listeners.add(listener)
      endings.add(end)
      return end
    },
    close() {
      if (closed) return
      closed = true
      for (const end of endings) end()
      watcher?.close()
      closeSync(file)
    },
  }
}
