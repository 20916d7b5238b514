export interface TimeLimit {
  readonly timeoutMs: number
  /** End the work as well. */
  readonly signals: readonly AbortSignal[]
  /** What the signal is aborted with after that time. Default: a DOMException, TimeoutError. */
  readonly reason?: Error
}

/**
 * Runs `work` with a signal that is aborted with any of `signals`, or after `timeoutMs`. In place of
 * AbortSignal.timeout: on Node 20 that never fires once a garbage collection has found that only
 * AbortSignal.any refers to it.
 */
export async function withTimeLimit<T>(
  { timeoutMs, signals, reason = new DOMException('The time is over.', 'TimeoutError') }: TimeLimit,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(reason), timeoutMs)
  try {
    return await work(AbortSignal.any([...signals, late.signal]))
  } finally {
    clearTimeout(timer)
  }
}
