import { basename } from 'node:path'
import { HeraldError } from '@herald/proto/errors'
import { BlobError, type BlobStore } from '@herald/runtime/blobs'
import type { CompleteFile } from '../received-files.js'

/** The key of a result. */
export const keyOf = (token: string, fileName: string) => `${token}/${fileName}`

/**
 * Stores the files of a conversion; they are durable when this resolves. Rejects with HERALD_DISK_FULL
 * or HERALD_CANNOT_WRITE.
 */
export async function storeResults(
  results: BlobStore,
  token: string,
  files: readonly CompleteFile[],
): Promise<void> {
  try {
    for (const { temporaryPath, finalPath } of files) {
      await results.put(keyOf(token, basename(finalPath)), { path: temporaryPath })
    }
  } catch (error) {
    throw error instanceof BlobError ? notStored(error) : error
  }
}

/** Removes all files of a conversion. Idempotent. */
export async function removeResults(results: BlobStore, token: string): Promise<void> {
  for await (const { key } of results.list(keyOf(token, ''))) await results.delete(key)
}

export const diskFull = (cause?: unknown) =>
  new HeraldError('HERALD_DISK_FULL', 'The service has no free space for results.', {
    remedy: 'Try again later; older results are deleted automatically.',
    cause,
  })

function notStored(error: BlobError): HeraldError {
  return error.code === 'BLOB_FULL'
    ? diskFull(error)
    : new HeraldError('HERALD_CANNOT_WRITE', 'The service could not store the result.', {
        remedy: 'Try again later.',
        cause: error,
      })
}

/** For `catch`: undefined if the result is missing. */
export function unlessMissing(error: unknown): undefined {
  if (!(error instanceof BlobError) || error.code !== 'BLOB_MISSING') throw error
}
