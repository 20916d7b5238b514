import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { expect } from 'vitest'
import { pictures } from '../compose.js'

export interface Answer {
  readonly status: number
  readonly body: Buffer
}

/** A browser of its own, which is sent to one page after the other. */
export class Browser {
  readonly #cookie = randomBytes(16).toString('base64url')

  /** `address`: of the page's container; the name is that which people use. */
  get(address: string, path: string): Promise<Answer> {
    return this.#send(address, path, 'GET', {}, Buffer.alloc(0))
  }

  /** Uploads the picture. Resolves to the path of its conversion, which may be under way. */
  async upload(address: string, fields: Readonly<Record<string, string>>): Promise<string> {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    const photo = readFileSync(join(pictures, 'photo.jpg'))
    form.set('file', new Blob([photo], { type: 'image/jpeg' }), 'photo.jpg')
    const encoded = new Response(form)
    const headers = {
      accept: 'application/json',
      'content-type': encoded.headers.get('content-type') ?? '',
    }
    const bytes = Buffer.from(await encoded.arrayBuffer())
    const { status, body } = await this.#send(address, '/convert', 'POST', headers, bytes)
    if (status !== 202) throw new Error(`POST /convert: ${status} ${body}`)
    return (JSON.parse(String(body)) as { page: string }).page
  }

  #send(
    host: string,
    path: string,
    method: string,
    headers: Readonly<Record<string, string>>,
    body: Buffer,
  ): Promise<Answer> {
    const own = { host: 'localhost:8080', cookie: `herald=${this.#cookie}`, ...headers }
    return new Promise((resolve, reject) => {
      request({ host, port: 8080, path, method, headers: own }, async (response) => {
        const parts = await response.toArray()
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) })
      })
        .on('error', reject)
        .end(body)
    })
  }
}

/** The path of the finished file, as the conversion's page links to it. */
export async function fileOf(browser: Browser, address: string, page: string): Promise<string> {
  let file: string | undefined
  const look = async () => {
    const { body } = await browser.get(address, page)
    file = /href="([^"]*\/files\/[^"]+)"/.exec(String(body))?.[1]
    return file
  }
  await expect.poll(look, { timeout: 30_000 }).toBeDefined()
  return file ?? ''
}
