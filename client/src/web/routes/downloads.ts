import type { Request, RequestHandler } from 'express'
import { type ConversionRecord, isConverted } from '../record.js'
import { tokenPattern } from '../records.js'
import { keyOf } from '../result-files.js'
import { sendResult } from '../send-result.js'
import { sendZip } from '../send-zip.js'
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
    const { results } = services
    if (!(await sendZip(request, response, { results, records }))) next()
  }
}

export const ownRecords = ({ records }: Services) => {
  return async (request: Request) => {
    const owner = ownerOf(request)
    return owner === undefined ? [] : records.ofOwner(owner)
  }
}
