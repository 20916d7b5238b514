import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ReceivedPost {
  readonly headers: IncomingHttpHeaders
  readonly path: string
  readonly body: Buffer
}

/** A status with headers; or the connection is closed once the request is complete. */
export type HttpAnswer = readonly [status: number, headers?: Record<string, string>] | 'hang up'

/** A receiver of webhooks with scripted answers. */
export interface Receiver {
  readonly url: string
  /** Every complete request, in order. */
  readonly posts: ReceivedPost[]
  /** Requests that were answered 2xx. */
  readonly taken: ReceivedPost[]
  /** May be changed at any time. Default: 204. */
  answer: (post: ReceivedPost) => HttpAnswer | Promise<HttpAnswer>
  close(): Promise<void>
}

export async function startReceiver({ port = 0 } = {}): Promise<Receiver> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const post = {
      headers: request.headers,
      path: request.url ?? '',
      body: Buffer.concat(chunks),
    }
    self.posts.push(post)
    const answer = await self.answer(post)
    if (answer === 'hang up') {
      request.socket.destroy()
      return
    }
    const [status, headers = {}] = answer
    if (status < 300) self.taken.push(post)
    response.writeHead(status, headers).end()
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const self: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    posts: [],
    taken: [],
    answer: () => [204],
    async close() {
      server.closeAllConnections()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
  return self
}
