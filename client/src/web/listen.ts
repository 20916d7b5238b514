import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface WebListener {
  /** `http://localhost:8080`. */
  readonly localUrl: string
  /** Answers from now on; what came before waits. */
  serve(app: RequestListener): void
  /** Takes no new connection and waits for the requests under way. Idempotent. */
  drain(): Promise<void>
  /** Idempotent. */
  close(): Promise<void>
}

/** A large file over a slow line takes its time; one that stands still does not. */
const requestMs = 3_600_000
const idleMs = 120_000
/** What is still coming in when the program stops may take that long. */
const drainMs = 8_000

/** Holds the port before anything is served, so that links can be made. Rejects with the system's error. */
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
