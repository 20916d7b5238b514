import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { BlobStore, ByteRange } from '@herald/runtime/blobs'
import type { Request, Response } from 'express'
import type { ResultFile } from './record.js'
import { unlessMissing } from './result-files.js'

export interface StoredResult {
  readonly results: BlobStore
  readonly key: string
  readonly file: ResultFile
}

/**
 * Sends a result as an attachment, or the range that is asked for (RFC 9110, section 14). Resolves to
 * false, with nothing sent, if there is no such file. Rejects with BlobError if it cannot be read.
 */
export async function sendResult(
  request: Request,
  response: Response,
  { results, key, file }: StoredResult,
): Promise<boolean> {
  const { name, mediaType, sizeBytes, sha256 } = file
  const etag = `"${sha256}"`
  const isHead = request.method === 'HEAD'
  const range = isHead ? undefined : rangeOf(request, sizeBytes, etag)
  if (range === 'unsatisfiable') {
    response.status(416).set('Content-Range', `bytes */${sizeBytes}`).end()
    return true
  }
  const found = isHead
    ? await results.head(key)
    : await results.get(key, range).catch(unlessMissing)
  if (!found) return false
  response.attachment(name)
  response.set({
    'Content-Type': mediaType,
    // If a browser opens it nevertheless, it has no rights.
    'Content-Security-Policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
    'Accept-Ranges': 'bytes',
    ETag: etag,
  })
  if (range) {
    const { start, end } = range
    response.status(206).set('Content-Range', `bytes ${start}-${end}/${sizeBytes}`)
    response.set('Content-Length', String(end - start + 1))
  } else response.set('Content-Length', String(sizeBytes))
  if (!(found instanceof Readable)) response.end()
  else if (request.fresh) {
    found.destroy()
    response.removeHeader('Content-Length')
    response.status(304).end()
  } else await pipeline(found, response).catch(() => response.destroy())
  return true
}

/** The one range asked for; several, or one of an older file, count as none. */
function rangeOf(
  request: Request,
  sizeBytes: number,
  etag: string,
): ByteRange | 'unsatisfiable' | undefined {
  const condition = request.get('If-Range')
  if (condition !== undefined && condition !== etag) return undefined
  const ranges = request.range(sizeBytes, { combine: true })
  if (ranges === -1) return 'unsatisfiable'
  if (!Array.isArray(ranges) || ranges.type !== 'bytes' || ranges.length !== 1) return undefined
  return ranges[0]
}
