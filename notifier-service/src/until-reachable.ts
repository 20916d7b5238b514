import { setTimeout as pause } from 'node:timers/promises'
import { BrokerError } from '@herald/broker'
import type { Logger } from '@herald/runtime'
import { StoreError } from '@herald/runtime/store'
import { backOffMs } from './back-off.js'

interface UntilReachableOptions {
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Called with each reason why it could not be reached. */
  readonly onUnreachable: (reason: string) => void
}

/**
 * Tries `work` until the broker, or the ledger's database, is reached. Rejects if retrying cannot
 * help, and with an AbortError if `signal` is aborted first.
 */
export async function untilReachable<T>(
  work: () => Promise<T>,
  { logger, signal, onUnreachable }: UntilReachableOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!isUnreachable(error)) throw error
      const what = error instanceof BrokerError ? 'broker' : 'ledger'
      onUnreachable(`${what}: ${error.message}`)
      const waitMs = backOffMs({ firstMs: 1000, capMs: 15_000 }, attempt)
      logger.warn({ reason: error.message, waitMs }, `the ${what} cannot be reached: trying again`)
      await pause(waitMs, undefined, { signal })
    }
  }
}

function isUnreachable(error: unknown): error is Error {
  if (error instanceof BrokerError) return error.retryable
  return error instanceof StoreError && error.code === 'STORE_UNREACHABLE'
}
