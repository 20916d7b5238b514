import { extname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Request, RequestHandler, Response } from 'express'
import { ZipFile } from 'yazl'
import { type ConversionRecord, isConverted } from '../record.js'
import { tokenPattern } from '../records.js'
import { ownerOf } from '../visitor.js'
import type { Services } from './services.js'

/** The record of the address, even if deleted. */
export function anyRecordOf({ records }: Services, request: Request): ConversionRecord | undefined {
  const token = String(request.params['token'])
  return tokenPattern.test(token) ? records.get(token) : undefined
}

/** The record of the address, unless it is deleted. */
export function recordOf(services: Services, request: Request): ConversionRecord | undefined {
  const record = anyRecordOf(services, request)
  return record?.deletedAtMs ? undefined : record
}

/** `GET /c/:token/files/:name`: as an attachment, so that the browser does not run it. */
export function fileRoute(services: Services): RequestHandler {
  return (request, response, next) => {
    const record = recordOf(services, request)
    const file = record?.files.find(({ name }) => name === request.params['name'])
    if (!record || !file || record.state !== 'converted') return next()
    response.attachment(file.name)
    response.sendFile(
      join(record.token, file.name),
      {
        root: services.directory,
        dotfiles: 'allow',
        cacheControl: false,
        headers: {
          'Content-Type': file.mediaType,
          // If a browser opens it nevertheless, it has no rights.
          'Content-Security-Policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
        },
      },
      (error) => {
        if (error && !response.headersSent) next(error)
      },
    )
  }
}

/** `GET /c/:token/preview`: the small picture that the converter made. */
export function pictureRoute(services: Services): RequestHandler {
  return (request, response, next) => {
    const { preview, token = '' } = recordOf(services, request) ?? {}
    const content = services.records.preview(token)
    if (!preview || !content || !['image/jpeg', 'image/png'].includes(preview.mediaType))
      return next()
    response.set('Cache-Control', 'private, max-age=3600')
    response.type(preview.mediaType).send(Buffer.from(content))
  }
}

/** A ZIP of a conversion, a run, or a browser's whole history. */
export function zipRoute(
  services: Services,
  recordsOf: (request: Request) => readonly ConversionRecord[],
): RequestHandler {
  return async (request, response, next) => {
    const records = recordsOf(request).filter(isConverted)
    if (records.length === 0) return next()
    await sendZip(response, records, services.directory)
  }
}

export const ownRecords = ({ records }: Services) => {
  return (request: Request) => {
    const owner = ownerOf(request)
    return owner === undefined ? [] : records.ofOwner(owner)
  }
}

/** Sends the ZIP as it is made. Files are stored: pictures are compressed already. */
async function sendZip(
  response: Response,
  records: readonly ConversionRecord[],
  directory: string,
): Promise<void> {
  const zip = new ZipFile()
  const taken = new Set<string>()
  for (const { token, folder, files, finishedAtMs } of records) {
    for (const { name } of files) {
      zip.addFile(
        join(directory, token, name),
        freeName(folder ? `${folder}/${name}` : name, taken),
        {
          compress: false,
          mtime: new Date(finishedAtMs),
          mode: 0o644,
        },
      )
    }
  }
  zip.end()
  response.attachment('herald.zip')
  response.type('application/zip')
  zip.once('error', (error: Error) => response.destroy(error))
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
