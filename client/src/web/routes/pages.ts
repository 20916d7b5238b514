import type { Request, RequestHandler, Response } from 'express'
import { paths } from '../links.js'
import { conversionPage } from '../pages/conversion-page.js'
import { frontPage } from '../pages/front-page.js'
import { row } from '../pages/row.js'
import { deletedPage, gonePage, runPage } from '../pages/small-pages.js'
import { type ConversionRecord, isOver } from '../record.js'
import { tokenPattern } from '../records.js'
import { languageOf, requireOwner } from '../visitor.js'
import { anyRecordOf, recordOf } from './downloads.js'
import { type Services, wantsJson } from './services.js'

const shownAtOnce = 100

export function pageRoutes(services: Services) {
  const { records, formats, config, recipients, progressOf, view, conversions } = services
  const front: RequestHandler = async (request, response) => {
    // Sets the cookie before the first form: uploads at the same time must have one owner.
    const owner = requireOwner(request, response, config)
    const { answer, away } = await formats.latest()
    response.type('html').send(
      frontPage(view(languageOf(request, response)), {
        formats: answer?.formats ?? [],
        converterAway: away,
        maxBytes: answer?.limits?.maxBytes ?? 0,
        recipients,
        history: await records.ofOwner(owner, shownAtOnce),
        progressOf,
      }),
    )
  }

  const conversion: RequestHandler = async (request, response, next) => {
    const record = await anyRecordOf(services, request)
    if (!record) return next()
    const shown = view(languageOf(request, response))
    if (record.deletedAtMs) {
      return void response.status(410).type('html').send(deletedPage(shown, record))
    }
    response.type('html').send(conversionPage(shown, record, progressOf(record.token)))
  }

  const run: RequestHandler = async (request, response, next) => {
    const token = String(request.params['token'])
    const found = tokenPattern.test(token) ? await records.ofRun(token) : []
    if (found.length === 0) return next()
    response
      .type('html')
      .send(runPage(view(languageOf(request, response)), token, found, progressOf))
  }

  const remove: RequestHandler = async (request, response, next) => {
    const record = await recordOf(services, request)
    if (!record) return next()
    if (isOver(record)) return answer(request, response, await conversions.setDeleted(record, true))
    await conversions.remove(record)
    if (wantsJson(request)) response.status(204).end()
    else response.redirect(303, '/')
  }

  const restore: RequestHandler = async (request, response, next) => {
    const record = await anyRecordOf(services, request)
    if (!record) return next()
    answer(request, response, await conversions.setDeleted(record, false))
  }

  /** The changed row for a script, a redirect for a browser. */
  function answer(request: Request, response: Response, record: ConversionRecord | undefined) {
    if (!record) return void response.status(404).end()
    const { token } = record
    if (!wantsJson(request)) response.redirect(303, paths.page(token))
    else response.json({ html: row(record, view(languageOf(request, response))).text })
  }

  const gone: RequestHandler = (request, response) => {
    response
      .status(404)
      .type('html')
      .send(gonePage(view(languageOf(request, response))))
  }
  return { front, conversion, run, remove, restore, gone }
}
