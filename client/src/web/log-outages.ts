import { BrokerError } from '@herald/broker'
import { BlobError } from '@herald/runtime/blobs'
import type { Logger } from '@herald/runtime/logger'
import { StoreError } from '@herald/runtime/store'

interface OutageMessages {
  readonly failed: string
  readonly again: string
}

/**
 * For work that is repeated. The function runs it and never rejects: it logs an error, unless the run
 * before failed with the same one, and the first success after that.
 */
export function logOutages(logger: Logger, { failed, again }: OutageMessages) {
  let last: string | undefined
  return async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      const { message } = error as Error
      if (message !== last) logger.warn(causeOf(error), failed)
      last = message
      return
    }
    if (last !== undefined) logger.info(again)
    last = undefined
  }
}

/** The field of a log line: the message says all about a server that cannot be used, the stack nothing. */
export function causeOf(error: unknown) {
  const isExpected = [BlobError, BrokerError, StoreError].some((type) => error instanceof type)
  return isExpected ? { reason: (error as Error).message } : { err: error }
}
