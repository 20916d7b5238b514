import { HeraldError } from '@herald/proto/errors'
import { BlobError } from '@herald/runtime/blobs'
import type { Logger } from '@herald/runtime/logger'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { readAssets } from './assets.js'
import { isLoopback } from './config.js'
import { ForbiddenError, knownHostsOnly, sameOriginOnly, strictHeaders } from './guard.js'
import { TooManyError } from './limits.js'
import { causeOf } from './log-outages.js'
import { errorPage, errorSentence } from './pages/small-pages.js'
import { viewFor } from './pages/view.js'
import { diskFull } from './result-files.js'
import { convertRoute } from './routes/convert.js'
import { fileRoute, ownRecords, pictureRoute, recordOf, zipRoute } from './routes/downloads.js'
import { estimateRoute } from './routes/estimate.js'
import { eventRoutes } from './routes/events.js'
import { expectRoute, leaveRoute } from './routes/expect.js'
import { pageRoutes } from './routes/pages.js'
import { previewRoute } from './routes/preview.js'
import { type Services, wantsJson } from './routes/services.js'
import { hasCookie, languageOf } from './visitor.js'

/** The web page, listening nowhere yet. */
export function createWebApp(rest: Omit<Services, 'view'>, logger: Logger): Express {
  const { config, records } = rest
  const { serve, asset } = readAssets()
  const services: Services = {
    ...rest,
    view: (language) => viewFor(language, { asset, keepMs: config.keepMs, now: records.now }),
  }
  const pages = pageRoutes(services)
  const events = eventRoutes(services)
  const sameOrigin = sameOriginOnly(hasCookie)

  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  app.set('trust proxy', config.proxies)
  app.use(strictHeaders)
  app.use(knownHostsOnly(isLoopback(config.listen), config.url))

  app.get('/', pages.front)
  app.get('/assets/:version/:name', serve)
  app.get('/events', events.own)
  app.get('/all.zip', zipRoute(services, ownRecords(services)))
  app.get('/c/:token', pages.conversion)
  app.get('/c/:token/events', events.conversion)
  app.get('/c/:token/preview', pictureRoute(services))
  app.get('/c/:token/files/:name', fileRoute(services))
  app.get(
    '/c/:token/all.zip',
    zipRoute(services, async (request) => listed(await recordOf(services, request))),
  )
  app.get('/r/:token', pages.run)
  app.get('/r/:token/events', events.run)
  app.get(
    '/r/:token/all.zip',
    zipRoute(services, (request) => records.ofRun(String(request.params['token']))),
  )

  app.post('/expect', sameOrigin, expectRoute(services))
  app.post('/leave', sameOrigin, leaveRoute(services))
  app.post('/convert', sameOrigin, convertRoute(services))
  app.post('/preview', sameOrigin, previewRoute(services))
  app.post('/estimate', sameOrigin, estimateRoute(services))
  app.post('/c/:token/remove', sameOrigin, pages.remove)
  app.post('/c/:token/restore', sameOrigin, pages.restore)
  app.use(pages.gone)
  app.use(answerError(services, logger))
  return app
}

const listed = <T>(value: T | undefined) => (value === undefined ? [] : [value])

/** Answers an error with a page, or with JSON to a program. */
function answerError(services: Services, logger: Logger): ErrorRequestHandler {
  return (thrown, request, response, _next) => {
    // Closing a connection with unread bytes would reset it, and the answer with it.
    request.resume()
    const error = thrown instanceof HeraldError ? thrown : unexpected(thrown, logger)
    // Not passed on: Express would print the stack, which is no line of JSON.
    if (response.headersSent || response.destroyed) return void response.destroy()
    const view = services.view(languageOf(request, response))
    response.status(statusOf(error))
    if (error.retryAfterMs !== undefined) {
      response.set('Retry-After', String(Math.ceil(error.retryAfterMs / 1000)))
    }
    if (wantsJson(request)) {
      response.json({ error: { code: error.code, message: errorSentence(view, error) } })
    } else response.type('html').send(errorPage(view, error))
  }
}

function unexpected(thrown: unknown, logger: Logger): HeraldError {
  const { name, code } = thrown as { name?: unknown; code?: unknown }
  if (name === 'StoreError') {
    logger.error(causeOf(thrown), 'the records cannot be used')
    if (code === 'STORE_FULL') return diskFull()
    return new HeraldError('HERALD_BUSY', 'The records cannot be used at the moment.', {
      remedy: 'Try again later.',
      retryAfterMs: 2000,
    })
  }
  if (thrown instanceof BlobError) {
    logger.error(causeOf(thrown), 'the results cannot be used')
    return new HeraldError('HERALD_BUSY', 'The results cannot be used at the moment.', {
      remedy: 'Try again later.',
      retryAfterMs: 5000,
    })
  }
  const status = (thrown as { status?: unknown }).status
  if (typeof status === 'number' && status < 500) {
    return new HeraldError('HERALD_BAD_OPTION', 'The request is invalid.')
  }
  logger.error({ err: thrown }, 'a request failed')
  return new HeraldError('HERALD_INTERNAL', 'Internal error.')
}

function statusOf(error: HeraldError): number {
  if (error instanceof ForbiddenError) return 403
  if (error instanceof TooManyError) return 429
  if (error.code === 'HERALD_TOO_MANY_BYTES') return 413
  if (error.code === 'HERALD_DISK_FULL') return 507
  if (error.code === 'HERALD_INTERNAL') return 500
  return error.retryable ? 503 : 400
}
