import * as http from 'node:http'
import * as https from 'node:https'
import type { Socket } from 'node:net'
import { type BeforeBody, NotHeld } from '../before-body.js'

/** The response. */
export interface PostResponse {
  readonly status: number
  readonly statusText: string
  readonly headers: http.IncomingHttpHeaders
  /** The beginning of the body. */
  readonly text: string
}

/** There was no response; `sent`: the request may have been received. */
export class NoResponse extends Error {
  override readonly name = 'NoResponse'
  readonly sent: boolean

  constructor(message: string, sent: boolean, options?: ErrorOptions) {
    super(message, options)
    this.sent = sent
  }
}

export interface Post {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** For the connection, and again for the answer. */
  readonly timeoutMs: number
  /** Aborts the request. */
  readonly signal: AbortSignal
}

const maxText = 500

/**
 * Posts once, on a connection of its own, and follows no redirect. `beforeBody` is awaited when
 * the connection is open, before the first byte is sent; `post` rejects with what it rejects with, and
 * with NotHeld if its check returns false. Otherwise rejects with NoResponse.
 */
export async function post(
  { url, headers, body, timeoutMs, signal }: Post,
  beforeBody: BeforeBody,
): Promise<PostResponse> {
  const { request: open } = url.protocol === 'https:' ? https : http
  const request = open(url, {
    method: 'POST',
    // A kept connection may be dead, and the request then lost.
    agent: false,
    signal,
    headers: { ...headers, 'content-length': String(body.byteLength) },
  })
  let timer = setTimeout(
    () => request.destroy(new Error(`no connection within ${timeoutMs} ms`)),
    timeoutMs,
  )
  let sent = false
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    request.once('response', resolve)
    request.on('error', reject)
  })
  answered.catch(() => {})
  let rejection: { readonly error: unknown } | undefined
  try {
    await Promise.race([connected(request, url), answered])
    clearTimeout(timer)
    const isHeld = await beforeBody().catch((error: unknown) => {
      rejection = { error }
      throw error
    })
    timer = setTimeout(
      () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    )
    if (!isHeld()) {
      rejection = { error: new NotHeld() }
      throw rejection.error
    }
    sent = true
    request.end(body)
    const response = await answered
    const { statusCode: status = 0, statusMessage = '', headers: got } = response
    const statusText = statusMessage.slice(0, maxText)
    return { status, statusText, headers: got, text: await readStart(response) }
  } catch (error) {
    if (rejection) throw rejection.error
    throw new NoResponse((error as Error).message, sent, { cause: error })
  } finally {
    clearTimeout(timer)
    request.destroy()
  }
}

function connected(request: http.ClientRequest, url: URL): Promise<void> {
  const event = url.protocol === 'https:' ? 'secureConnect' : 'connect'
  return new Promise((resolve) => {
    request.once('socket', (socket: Socket) => socket.once(event, resolve))
  })
}

/** The status decides: a body that is cut off does not matter. */
async function readStart(response: http.IncomingMessage): Promise<string> {
  let text = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk
      if (text.length >= maxText) break
    }
  } catch {
    // The body was cut off.
  }
  return text.slice(0, maxText).replace(/\s+/g, ' ').trim()
}
