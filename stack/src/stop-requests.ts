export interface StopRequests {
  /** Aborted at the first request. */
  readonly signal: AbortSignal
  /** Resolves, to nothing, at the first request. */
  readonly requested: Promise<undefined>
}

// The terminal and npm both forward the same Ctrl-C.
const echoMs = 500

/** Listens for SIGINT, SIGTERM and SIGHUP. A second one ends the process at once, unless it repeats the first within `echoMs`. */
export function stopRequests(): StopRequests {
  const controller = new AbortController()
  let firstAt = 0
  const requested = new Promise<undefined>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        if (!controller.signal.aborted) {
          firstAt = performance.now()
          controller.abort()
          resolve(undefined)
        } else if (performance.now() - firstAt > echoMs) process.exit(1)
      })
    }
  })
  return { signal: controller.signal, requested }
}
