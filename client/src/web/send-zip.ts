import { extname } from 'node:path'
import { addAbortSignal } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { BlobStore } from '@herald/runtime/blobs'
import type { Request, Response } from 'express'
import { ZipFile } from 'yazl'
import type { ConversionRecord } from './record.js'
import { keyOf } from './result-files.js'

/**
 * Sends a ZIP of all results of `records`, as it is made. Files are stored: pictures are compressed
 * already. Resolves to false, with nothing sent, if there is none. Rejects with BlobError if the results
 * cannot be read.
 */
export async function sendZip(
  request: Request,
  response: Response,
  { results, records }: { results: BlobStore; records: readonly ConversionRecord[] },
): Promise<boolean> {
  const entries = entriesOf(records)
  const [first] = entries
  // Once bytes are sent, an error can only end the connection.
  if (!first || !(await results.head(first.key))) return false
  response.attachment('herald.zip')
  response.type('application/zip')
  if (request.method === 'HEAD') {
    response.end()
    return true
  }
  const zip = new ZipFile()
  const fail = (error: Error) => void response.destroy(error)
  zip.once('error', fail)
  const closed = new AbortController()
  response.once('close', () => closed.abort())
  for (const { key, path, options } of entries) {
    // Opened when its turn comes.
    zip.addReadStreamLazy(path, options, (done) => {
      results.get(key).then(
        // yazl does not destroy the file it reads when nobody reads the ZIP any more.
        (content) => done(null, addAbortSignal(closed.signal, content).once('error', fail)),
        (error: Error) => done(error, undefined as never),
      )
    })
  }
  zip.end()
  await pipeline(zip.outputStream, response).catch(() => {})
  return true
}

function entriesOf(records: readonly ConversionRecord[]) {
  const taken = new Set<string>()
  return records.flatMap(({ token, folder, files, finishedAtMs }) =>
    files.map(({ name, sizeBytes }) => ({
      key: keyOf(token, name),
      path: freeName(folder ? `${folder}/${name}` : name, taken),
      options: { compress: false, size: sizeBytes, mtime: new Date(finishedAtMs), mode: 0o644 },
    })),
  )
}

/** `harbour.webp`, `harbour-2.webp`: gives files of the same name different ones. */
function freeName(name: string, taken: Set<string>): string {
  const end = extname(name)
  const stem = name.slice(0, name.length - end.length)
  let free = name
  for (let at = 2; taken.has(free.toLowerCase()); at += 1) free = `${stem}-${at}${end}`
  taken.add(free.toLowerCase())
  return free
}
