import { once } from 'node:events'
import { type ClientRequest, request } from 'node:http'
import { onTestFinished } from 'vitest'
import { noise } from './pictures.js'
import type { WebPage } from './web-page.js'

/**
 * Sends a request, a POST if it has a body, without its end; resolves when the page has begun to answer
 * it. Destroyed with the test.
 */
export async function beginRequest(
  page: Pick<WebPage, 'url'>,
  path: string,
  { cookie = '', body }: { cookie?: string; body?: Buffer } = {},
): Promise<ClientRequest> {
  const sent = request(new URL(path, page.url), {
    method: body ? 'POST' : 'GET',
    agent: false,
    headers: {
      Expect: '100-continue',
      Cookie: cookie,
      ...(body && { 'Content-Type': 'multipart/form-data; boundary=b' }),
    },
  }).on('error', () => {})
  onTestFinished(() => void sent.destroy())
  sent.flushHeaders()
  await once(sent, 'continue')
  if (body) sent.write(body)
  return sent
}

/** The beginning of a form whose file goes on. */
export function openForm(name: string, fields: Record<string, string> = {}): Buffer {
  const parts = Object.entries({ to: 'webp', ...fields }).map(
    ([field, value]) =>
      `--b\r\nContent-Disposition: form-data; name="${field}"\r\n\r\n${value}\r\n`,
  )
  const file = `--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`
  return Buffer.concat([Buffer.from(parts.join('') + file), noise(200, 200).subarray(0, 20_000)])
}
