import { describe, expect, test } from 'vitest'
import { compose, docker } from '../compose.js'
import { Browser, fileOf } from './page.js'

interface Page {
  readonly id: string
  readonly address: string
}

/** The containers of the page, with an address that this machine reaches. */
async function pagesOf(): Promise<Page[]> {
  const { stdout } = await compose(['ps', '--quiet', 'web'])
  const network = `${process.env['COMPOSE_PROJECT_NAME']}_default`
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`
  return Promise.all(
    stdout
      .trim()
      .split('\n')
      .map(async (id) => {
        const { stdout: address } = await docker(['inspect', '--format', format, id])
        return { id, address: address.trim() }
      }),
  )
}

const isWebp = (body: Buffer) => body.subarray(8, 12).toString('latin1') === 'WEBP'

describe('two pages', () => {
  test('a conversion taken by one is downloaded at the other, also when the first is gone', async () => {
    const [first, second] = (await pagesOf()) as [Page, Page]
    const browser = new Browser()
    const page = await browser.upload(first.address, { to: 'webp', notify: 'pages@example.com' })
    const file = await fileOf(browser, second.address, page)
    expect(isWebp((await browser.get(second.address, file)).body)).toBe(true)
    await docker(['kill', first.id])
    try {
      expect(isWebp((await browser.get(second.address, file)).body)).toBe(true)
      const { body } = await browser.get('127.0.0.1', file)
      expect(isWebp(body), 'through the proxy').toBe(true)
    } finally {
      await docker(['start', first.id])
      await compose(['up', '--detach', '--wait', '--no-build'])
    }
  })

  test('the proxy serves all requests while one page is stopped', async () => {
    const [first] = (await pagesOf()) as [Page]
    const browser = new Browser()
    const stopping = docker(['stop', first.id])
    const statuses = await Promise.all(
      Array.from({ length: 30 }, async () => (await browser.get('127.0.0.1', '/')).status),
    )
    await stopping
    statuses.push((await browser.get('127.0.0.1', '/')).status)
    expect(new Set(statuses)).toEqual(new Set([200]))
    await docker(['start', first.id])
    await compose(['up', '--detach', '--wait', '--no-build'])
  })
})
