import { BlobError } from '@herald/runtime/blobs'
import type { Logger } from '@herald/runtime/logger'
import { StoreError } from '@herald/runtime/store'

interface OutageMessages {
  readonly failed: string
  readonly again: string
}

/**
 * For work that is repeated by a timer. The function runs it and never rejects: it logs an error, unless the
 * run before failed with the same one, and the first success after that.
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

/** The field of a log line: the message says all about a database or an S3 server that cannot be used. */
export function causeOf(error: unknown) {
  const isExpected = error instanceof StoreError || error instanceof BlobError
  return isExpected ? { reason: error.message } : { err: error }
}
