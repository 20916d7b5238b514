import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach } from 'vitest'

export interface RecordingServer {
  readonly url: string
  /** `GET /a.png` for each request of this test. */
  readonly requests: readonly string[]
}

/** A web server for the tests of a file, which shows whether a hostile file made its engine call it. */
export function useRecordingServer(
  respond: (path: string) => { readonly type: string; readonly body: Buffer | string },
): RecordingServer {
  const requests: string[] = []
  const server = createServer(({ method, url = '' }, response) => {
    requests.push(`${method} ${url}`)
    const { type, body } = respond(url)
    response.setHeader('content-type', type).end(body)
  })
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
  beforeEach(() => {
    requests.length = 0
  })
  afterAll(() => void server.close())
  return {
    get url() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    },
    requests,
  }
}
