import { setTimeout as pause } from 'node:timers/promises'
import { BrokerError } from '@herald/broker'
import type { Logger } from '@herald/runtime'
import { backOffMs } from './back-off.js'

/**
 * Tries `work` until the broker is reached. Rejects with BrokerError if retrying cannot
 * help, and with an AbortError if `signal` is aborted first.
 */
export async function untilReachable<T>(
  work: () => Promise<T>,
  { logger, signal }: { logger: Logger; signal: AbortSignal },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof BrokerError && error.retryable)) throw error
      const waitMs = backOffMs({ firstMs: 1000, capMs: 15_000 }, attempt)
      logger.warn({ reason: error.message, waitMs }, 'the broker cannot be reached: trying again')
      await pause(waitMs, undefined, { signal })
    }
  }
}
