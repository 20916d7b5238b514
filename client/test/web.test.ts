import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { eventTypes } from '@herald/proto/events'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { gradient, noise } from './pictures.js'
import { readTopic } from './read-topic.js'
import type { RealConverter } from './real-converter.js'
import { openCaller, openWebFolder, useWebPage, type WebFolder, type WebPage } from './web-page.js'

const picture = { name: 'harbour.png', content: gradient(320, 200) }
// A machine that has much to do takes its time.
const patient = { timeout: 60_000, interval: 100 }
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe('herald web', () => {
  let converter: RealConverter
  let folder: WebFolder
  let page: WebPage

  useWebPage((web) => {
    ;({ converter, folder, page } = web)
  })

  test('a file is converted, announced with links, and given back as it was announced', async () => {
    const caller = openCaller(page)
    const { token } = await caller.convert({ to: 'webp', notify: 'ada@example.com' }, picture)
    const event = await vi.waitFor(async () => {
      const events = await readTopic(folder.brokerUrl)
      const found = events.find(({ event: { data } }) => data.pageUrl.endsWith(token))
      if (found?.event.type !== eventTypes.fileConverted) throw new Error('not announced yet')
      return found
    }, patient)
    const { data } = event.event
    if (!('renditions' in data)) throw new Error('not converted')
    expect(event.envelope.source).toBe('/herald/web')
    expect(data.recipient).toMatchObject({ address: 'ada@example.com', language: 'en' })
    expect(data.pageUrl).toBe(`${page.url}/c/${token}`)
    expect(data.host).toBe('')
    const [rendition] = data.renditions
    const response = await fetch(rendition?.url ?? '')
    expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(rendition?.sha256)
    expect(response.headers.get('content-disposition')).toBe('attachment; filename=harbour.webp')
    expect(response.headers.get('content-type')).toBe('image/webp')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.get('content-security-policy')).toContain('sandbox')
  })

  test('without an address nothing is announced, and no text claims otherwise', async () => {
    const caller = openCaller(page)
    const { token, html } = await caller.convert({ to: 'webp' }, picture)
    const { token: later } = await caller.convert({ to: 'webp', notify: 'ada@x.example' }, picture)
    const events = await vi.waitFor(async () => {
      const found = await readTopic(folder.brokerUrl)
      const pages = found.map(({ event: { data } }) => data.pageUrl)
      expect(pages).toContain(`${page.url}/c/${later}`)
      return found
    }, patient)
    expect(events.filter(({ event: { data } }) => data.pageUrl.endsWith(token))).toEqual([])
    expect(events.filter(({ event: { data } }) => !data.recipient?.address)).toEqual([])
    expect(html).toContain('result converted')
    expect(html).not.toContain('class="mail')
    expect((await caller.get(`/c/${token}/files/harbour.webp`)).status).toBe(200)
  })

  test('a visitor sees only the own history, and a wrong link is not found', async () => {
    const ada = openCaller(page)
    const { token } = await ada.convert({ to: 'webp' }, picture)
    expect(await (await ada.get('/')).text()).toContain(token)
    const stranger = openCaller(page)
    expect(await (await stranger.get('/')).text()).not.toContain(token)
    const zip = await stranger.get('/all.zip')
    expect(zip.status).toBe(404)
    const wrong = `${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`
    for (const path of [
      `/c/${wrong}`,
      `/c/${wrong}/files/harbour.webp`,
      `/c/${token}/files/..%2F`,
    ]) {
      expect((await stranger.get(path)).status).toBe(404)
    }
  })

  test('another site can send nothing in a visitor’s name', async () => {
    const caller = openCaller(page)
    await caller.get('/')
    const from = async (headers: Record<string, string>) =>
      (await caller.send({ to: 'webp' }, picture, headers)).status
    expect(await from({ Origin: 'https://evil.example' })).toBe(403)
    expect(await from({ 'Sec-Fetch-Site': 'cross-site' })).toBe(403)
    expect(await from({ 'Sec-Fetch-Site': 'same-site', Origin: page.url })).toBe(403)
    expect(await from({ Origin: page.url })).toBe(202)
    // A form without a referrer names no origin; the cookie tells it apart.
    expect(await from({ Origin: 'null' })).toBe(202)
    expect((await openCaller(page).send({ to: 'webp' }, picture, { Origin: 'null' })).status).toBe(
      403,
    )
  })

  test('on loopback no other name is served', async () => {
    const statusFor = (host: string) =>
      new Promise((resolve, reject) => {
        const { port } = new URL(page.url)
        request({ port, host: '127.0.0.1', headers: { host } }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
          .once('error', reject)
          .end()
      })
    expect(await statusFor('rebound.example')).toBe(421)
    expect(await statusFor('localhost.evil.example:8080')).toBe(421)
    expect(await statusFor(new URL(page.url).host)).toBe(200)
  })

  test('a page for localhost is served to every name of loopback, wherever it listens', async () => {
    const folder = await openWebFolder(converter.address)
    onTestFinished(() => folder.close())
    const free = createServer().listen(0)
    const { port } = free.address() as AddressInfo
    await new Promise((resolve) => free.close(resolve))
    await folder.start({
      HERALD_WEB_LISTEN: `0.0.0.0:${port}`,
      HERALD_WEB_URL: `http://localhost:${port}`,
    })
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200)
    expect((await fetch(`http://localhost:${port}/`)).status).toBe(200)
  })

  test.each([
    ['no file', { to: 'webp' }, { name: '', content: new Uint8Array() }, /file first/],
    ['a bad width', { to: 'webp', width: '0' }, picture, /Invalid width "0": expected a whole/],
    ['no format', {}, picture, /"to" \(Convert to\) is missing: it must come before the file/],
    ['a bad format', { to: '!' }, picture, /"Convert to" is missing or invalid/],
    ['no address', { to: 'webp', notify: 'ada at home' }, picture, /e-mail/],
    ['a field without end', { to: 'webp', notify: 'a'.repeat(20_000) }, picture, /too long/],
  ])('a form with %s is refused with a sentence', async (_what, fields, file, sentence) => {
    const response = await openCaller(page).send(fields as Record<string, string>, file)
    expect(response.status).toBe(400)
    expect(((await response.json()) as { error: { message: string } }).error.message).toMatch(
      sentence,
    )
  })

  test.each([
    [-1, /size&quot; is [\d,]+, but at least [\d,]+ bytes of the file arrived/],
    [1, /size&quot; is [\d,]+, but only [\d,]+ bytes of the file arrived/],
  ])(
    'a file %i byte off the size in the form is not converted, and both sizes are shown',
    async (off, reason) => {
      const size = String(picture.content.length + off)
      const { html } = await openCaller(page).convert({ to: 'webp', size }, picture)
      expect(html).toContain('Not converted')
      expect(html).toMatch(reason)
    },
  )

  test.each(['to', 'width'])(
    'a form whose field %s comes after the file is refused, and nothing is converted',
    async (late) => {
      const caller = openCaller(page)
      const form = new FormData()
      if (late !== 'to') form.set('to', 'webp')
      form.set('file', new Blob([picture.content as Uint8Array<ArrayBuffer>]), picture.name)
      form.set(late, late === 'to' ? 'webp' : '64')
      const headers = { Accept: 'application/json' }
      const response = await caller.get('/convert', { method: 'POST', body: form, headers })
      expect(response.status).toBe(400)
      expect(((await response.json()) as { error: { message: string } }).error.message).toMatch(
        new RegExp(`"${late}".* the file.*Send the fields first, then the files`),
      )
      expect(await (await caller.get('/')).text()).not.toContain('class="row ')
    },
  )

  test('what is no form is refused as well', async () => {
    const response = await openCaller(page).get('/convert', { method: 'POST', body: 'hello' })
    expect(response.status).toBe(400)
  })

  test('an unsupported file fails, with the reason on its page', async () => {
    const { html } = await openCaller(page).convert(
      { to: 'webp' },
      { name: '<b>.jpg', content: Buffer.from([0, 1, 2, 3, 0, 255, 254, 0]) },
    )
    expect(html).toContain('Not converted')
    expect(html).toContain('&lt;b&gt;.jpg')
    expect(html).not.toContain('<b>')
  })

  test('a file larger than a chunk is never held as a whole', async () => {
    const content = tiff(6000, 8000)
    const peak = () =>
      Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${page.pid}/status`, 'utf8'))?.[1]) * 1024
    // What any upload takes is taken now.
    await openCaller(page).convert(
      { to: 'webp', width: '64' },
      { name: 'big.tiff', content: tiff(6000, 2000) },
    )
    const before = peak()
    await openCaller(page).convert({ to: 'webp', width: '64' }, { name: 'big.tiff', content })
    const grown = peak() - before
    console.log(
      `${content.length >> 20} MiB uploaded, the page's memory grew by ${grown >> 20} MiB`,
    )
    expect(grown).toBeLessThan(content.length / 2)
  })

  test('stops when what runs is done, and ends the streams', async () => {
    const own = await folder.start()
    const caller = openCaller(own)
    await caller.get('/')
    const events = await caller.get('/events')
    const response = await caller.send(
      { to: 'png' },
      { name: 'noise.png', content: noise(900, 900) },
    )
    const { token } = (await response.json()) as { token: string }
    expect(await own.stop()).toBe(0)
    await events.text()
    const again = await folder.start()
    const html = await (await openCaller(again).get(`/c/${token}`)).text()
    expect(html).toContain('result converted')
    expect(await again.stop()).toBe(0)
  })
})

/** An uncompressed TIFF, grey, as large as its pixels. */
function tiff(width: number, height: number): Buffer {
  const entries = [
    [256, 4, width],
    [257, 4, height],
    [258, 3, 8],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 200],
    [277, 3, 1],
    [278, 4, height],
    [279, 4, width * height],
  ] as const
  const head = Buffer.alloc(200)
  head.write('II*\0', 'latin1')
  head.writeUInt32LE(8, 4)
  head.writeUInt16LE(entries.length, 8)
  entries.forEach(([tag, type, value], at) => {
    head.writeUInt16LE(tag, 10 + at * 12)
    head.writeUInt16LE(type, 12 + at * 12)
    head.writeUInt32LE(1, 14 + at * 12)
    head.writeUInt32LE(value, 18 + at * 12)
  })
  return Buffer.concat([head, Buffer.alloc(width * height, 120)])
}
