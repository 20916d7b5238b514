import { extname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { BlobStore } from '@herald/runtime/blobs'
import type { Request, RequestHandler, Response } from 'express'
import { ZipFile } from 'yazl'
import { type ConversionRecord, isConverted } from '../record.js'
import { tokenPattern } from '../records.js'
import { keyOf } from '../result-files.js'
import { sendResult } from '../send-result.js'
import { ownerOf } from '../visitor.js'
import type { Services } from './services.js'

/** The record of the address, even if deleted. */
export async function anyRecordOf(
  { records }: Services,
  request: Request,
): Promise<ConversionRecord | undefined> {
  const token = String(request.params['token'])
  return tokenPattern.test(token) ? records.get(token) : undefined
}

/** The record of the address, unless it is deleted. */
export async function recordOf(
  services: Services,
  request: Request,
): Promise<ConversionRecord | undefined> {
  const record = await anyRecordOf(services, request)
  return record?.deletedAtMs ? undefined : record
}

/** `GET /c/:token/files/:name`: as an attachment, so that the browser does not run it. */
export function fileRoute(services: Services): RequestHandler {
  return async (request, response, next) => {
    const record = await recordOf(services, request)
    const file = record?.files.find(({ name }) => name === request.params['name'])
    if (!record || !file || record.state !== 'converted') return next()
    const isSent = await sendResult(request, response, {
      results: services.results,
      key: keyOf(record.token, file.name),
      file,
    })
    if (!isSent) next()
  }
}

/** `GET /c/:token/preview`: the small picture that the converter made. */
export function pictureRoute(services: Services): RequestHandler {
  return async (request, response, next) => {
    const { preview, token = '' } = (await recordOf(services, request)) ?? {}
    const content = preview && (await services.records.preview(token))
    if (!content || !['image/jpeg', 'image/png'].includes(preview.mediaType)) return next()
    response.set('Cache-Control', 'private, max-age=3600')
    response.type(preview.mediaType).send(Buffer.from(content))
  }
}

/** A ZIP of a conversion, a run, or a browser's whole history. */
export function zipRoute(
  services: Services,
  recordsOf: (request: Request) => Promise<readonly ConversionRecord[]>,
): RequestHandler {
  return async (request, response, next) => {
    const records = (await recordsOf(request)).filter(isConverted)
    if (records.length === 0) return next()
    await sendZip(response, records, services.results)
  }
}

export const ownRecords = ({ records }: Services) => {
  return async (request: Request) => {
    const owner = ownerOf(request)
    return owner === undefined ? [] : records.ofOwner(owner)
  }
}

/** Sends the ZIP as it is made. Files are stored: pictures are compressed already. */
async function sendZip(
  response: Response,
  records: readonly ConversionRecord[],
  results: BlobStore,
): Promise<void> {
  const zip = new ZipFile()
  const taken = new Set<string>()
  const failed = (error: Error) => void response.destroy(error)
  for (const { token, folder, files, finishedAtMs } of records) {
    for (const { name, sizeBytes } of files) {
      const path = freeName(folder ? `${folder}/${name}` : name, taken)
      const mtime = new Date(finishedAtMs)
      const options = { compress: false, size: sizeBytes, mtime, mode: 0o644 }
      // Opened when its turn comes.
      zip.addReadStreamLazy(path, options, (done) => {
        results.get(keyOf(token, name)).then(
          (content) => done(null, content.once('error', failed)),
          (error: Error) => done(error, undefined as never),
        )
      })
    }
  }
  zip.end()
  response.attachment('herald.zip')
  response.type('application/zip')
  zip.once('error', failed)
  await pipeline(zip.outputStream, response).catch(() => {})
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
