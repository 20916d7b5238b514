import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface WebListener {
  /** `http://localhost:8080`. */
  readonly localUrl: string
  /** Answers requests from now on; earlier ones have waited. */
  serve(app: RequestListener): void
  /** Takes no new connection and waits for the requests under way. Idempotent. */
  drain(): Promise<void>
  /** Idempotent. */
  close(): Promise<void>
}

/** An upload may be slow, but not idle. */
const requestMs = 3_600_000
const idleMs = 120_000
/** How long requests may still take when the program stops. */
const drainMs = 8_000

/** Binds the port before the app exists, because links contain it. Rejects with the system's error. */
export async function listenWeb(address: string): Promise<WebListener> {
  const at = address.lastIndexOf(':')
  const host = address.slice(0, at).replace(/^\[|\]$/g, '')
  let begin = (_app: RequestListener) => {}
  const app = new Promise<RequestListener>((resolve) => {
    begin = resolve
  })
  const server = createServer(
    { requestTimeout: requestMs, headersTimeout: 20_000, maxHeaderSize: 32 * 1024 },
    (request, response) => void app.then((answer) => answer(request, response)),
  )
  server.maxConnections = 2000
  server.setTimeout(idleMs)
  server.listen(Number(address.slice(at + 1)), host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const named = ['0.0.0.0', '::', '::1', '127.0.0.1'].includes(host) ? 'localhost' : host
  let drained: Promise<void> | undefined
  const drain = () => {
    drained ??= new Promise((resolve) => {
      const timer = setTimeout(() => server.closeAllConnections(), drainMs)
      server.close(() => {
        clearTimeout(timer)
        resolve()
      })
      server.closeIdleConnections()
    })
    return drained
  }
  return {
    localUrl: `http://${named.includes(':') ? `[${named}]` : named}:${port}`,
    serve: (answer) => begin(answer),
    drain,
    async close() {
      server.closeAllConnections()
      await drain()
    },
  }
}
