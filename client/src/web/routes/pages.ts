import type { RequestHandler } from 'express'
import { conversionPage } from '../pages/conversion-page.js'
import { frontPage } from '../pages/front-page.js'
import { gonePage, runPage } from '../pages/small-pages.js'
import { tokenPattern } from '../records.js'
import { languageOf, requireOwner } from '../visitor.js'
import { recordOf } from './downloads.js'
import type { Services } from './services.js'

const shownAtOnce = 100

export function pageRoutes(services: Services) {
  const { records, formats, config, recipients, progressOf, view, conversions } = services
  const front: RequestHandler = async (request, response) => {
    // Before the first form is sent: several at once must not be several visitors.
    const owner = requireOwner(request, response, config)
    const { answer, away } = await formats.latest()
    response.type('html').send(
      frontPage(view(languageOf(request, response)), {
        formats: answer?.formats ?? [],
        converterAway: away,
        recipients,
        history: records.ofOwner(owner, shownAtOnce),
        progressOf,
      }),
    )
  }

  const conversion: RequestHandler = (request, response, next) => {
    const record = recordOf(services, request)
    if (!record) return next()
    const shown = view(languageOf(request, response))
    response.type('html').send(conversionPage(shown, record, progressOf(record.token)))
  }

  const run: RequestHandler = (request, response, next) => {
    const token = String(request.params['token'])
    const found = tokenPattern.test(token) ? records.ofRun(token) : []
    if (found.length === 0) return next()
    response
      .type('html')
      .send(runPage(view(languageOf(request, response)), token, found, progressOf))
  }

  const remove: RequestHandler = async (request, response, next) => {
    const record = recordOf(services, request)
    if (!record) return next()
    await conversions.remove(record)
    if (request.accepts(['html', 'json']) === 'json') response.status(204).end()
    else response.redirect(303, '/')
  }

  const gone: RequestHandler = (request, response) => {
    response
      .status(404)
      .type('html')
      .send(gonePage(view(languageOf(request, response))))
  }
  return { front, conversion, run, remove, gone }
}
