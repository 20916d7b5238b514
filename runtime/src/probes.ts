import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { withoutUrlSecrets } from './url-secrets.js'

export interface ProbesOptions {
  /** Served at /metrics. */
  metrics: Registry
  /** Resolves to the reasons why the program is not ready; none: it is ready. */
  notReady: () => Promise<readonly string[]> | readonly string[]
}

/** A registry with the default metrics of the process, labelled with the program's name. */
export function createMetrics(program: string): Registry {
  const registry = new Registry()
  registry.setDefaultLabels({ program })
  collectDefaultMetrics({ register: registry })
  return registry
}

/** `/livez` 200 while the event loop runs; `/readyz` 200 or 503 with the reasons; `/metrics` for Prometheus. */
export function createProbesApp({ metrics, notReady }: ProbesOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  // Errors are answered without their stack.
  app.set('env', 'production')
  app.get('/livez', (_request, response) => {
    response.json({ status: 'ok' })
  })
  app.get('/readyz', async (_request, response) => {
    const reasons = await readinessFailures(notReady)
    response.status(reasons.length === 0 ? 200 : 503)
    response.json({ status: reasons.length === 0 ? 'ok' : 'not ready', reasons })
  })
  app.get('/metrics', async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.metrics())
  })
  return app
}

async function readinessFailures(notReady: ProbesOptions['notReady']): Promise<readonly string[]> {
  try {
    return (await notReady()).map((reason) => withoutUrlSecrets(reason))
  } catch {
    return ['readiness could not be checked']
  }
}

export interface HttpListener {
  /** `http://127.0.0.1:9102`. */
  readonly url: string
  /** Stops listening and ends idle connections. Idempotent. */
  close(): Promise<void>
}

export interface StartingProbes extends HttpListener {
  /** From now on `app` answers. */
  serve(app: Express): void
}

/**
 * Listens before the program is started: /livez answers 200, so that a program that waits for another
 * one is not restarted, and /readyz 503 with the reason of that moment.
 */
export async function listenWhileStarting(
  address: string,
  reason: () => string,
): Promise<StartingProbes> {
  let app = createProbesApp({ metrics: new Registry(), notReady: () => [reason()] })
  const listener = await listenHttp(
    express().use((request, response, next) => app(request, response, next)),
    address,
  )
  return {
    ...listener,
    serve(started) {
      app = started
    },
  }
}

/** A path that cannot be decoded is the caller's error: it is not logged. */
const refuseMalformed: ErrorRequestHandler = (error, _request, response, next) => {
  if (error.status !== 400) return next(error)
  response.status(400).json({ error: 'The address of the request is malformed.' })
}

/** Listens on `address` (`host:port`, port 0 for any). Rejects with the system's error: EADDRINUSE, EACCES, … */
export async function listenHttp(app: Express, address: string): Promise<HttpListener> {
  app.use(refuseMalformed)
  const at = address.lastIndexOf(':')
  const host = address.slice(0, at).replace(/^\[|\]$/g, '')
  const server = await new Promise<ReturnType<Express['listen']>>((resolve, reject) => {
    const listening = app.listen(Number(address.slice(at + 1)), host, (error?: Error) => {
      if (error) reject(error)
      else resolve(listening)
    })
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
  }
}
