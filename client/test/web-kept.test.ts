import { createHash, randomInt } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { eventTypes } from '@herald/proto/events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { gradient } from './pictures.js'
import { readTopic } from './read-topic.js'
import { type RealConverter, startConverter } from './real-converter.js'
import { openCaller, openWebFolder } from './web-page.js'

const patient = { timeout: 20_000, interval: 100 }
const picture = { name: 'harbour.png', content: gradient(640, 400) }

describe('what the web page keeps', { timeout: 90_000 }, () => {
  let converter: RealConverter

  beforeAll(async () => {
    converter = await startConverter()
  })
  afterAll(() => converter?.close())

  const openFolder = async () => {
    const folder = await openWebFolder(converter.address)
    onTestFinished(() => folder.close())
    return folder
  }

  test('goes when its time is over, after a restart as well', async () => {
    const folder = await openFolder()
    const first = await folder.start({ HERALD_WEB_KEEP: '1h' })
    const { token } = await openCaller(first).convert({ to: 'webp' }, picture)
    const results = join(folder.data, 'web', 'files', token)
    expect(readdirSync(results)).toEqual(['harbour.webp'])
    await first.stop()
    const second = await folder.start({ HERALD_WEB_KEEP: '1s' })
    await vi.waitFor(() => expect(existsSync(results)).toBe(false), patient)
    await vi.waitFor(async () => {
      expect((await openCaller(second).get(`/c/${token}`)).status).toBe(404)
    }, patient)
  })

  test('is announced if and only if its page has it, whenever the program is killed', async () => {
    const folder = await openFolder()
    const tokens: string[] = []
    const kills = 6
    for (let kill = 0; kill < kills; kill += 1) {
      const page = await folder.start()
      const caller = openCaller(page)
      const sent = Array.from({ length: 3 }, (_, at) =>
        caller
          .send(
            { to: 'webp', notify: 'ada@example.com' },
            { ...picture, name: `${kill}-${at}.png` },
          )
          .then(async (response) => {
            tokens.push(((await response.json()) as { token: string }).token)
          })
          .catch(() => {}),
      )
      // Any moment is as good as another.
      await Promise.race([Promise.all(sent), after(randomInt(1500))])
      await after(randomInt(120))
      await page.stop('SIGKILL')
      await Promise.all(sent)
    }
    const page = await folder.start()
    const caller = openCaller(page)
    // What a killed one left is settled, and announced by the relay.
    const events = await vi.waitFor(async () => {
      const found = await readTopic(folder.brokerUrl)
      const pages = new Set(found.map(({ event }) => event.data.pageUrl))
      for (const token of tokens) {
        if (!has(pages, token)) throw new Error('not everything is announced yet')
      }
      return found
    }, patient)
    const kinds: string[] = []
    for (const { event } of events) {
      const { pathname } = new URL(event.data.pageUrl)
      const html = await (await caller.get(pathname)).text()
      kinds.push(event.type)
      if (event.type !== eventTypes.fileConverted) {
        expect(html).toContain('result failed')
        continue
      }
      expect(html).toContain('result converted')
      for (const { url, sha256 } of event.data.renditions) {
        const file = await caller.get(new URL(url ?? '').pathname)
        const content = new Uint8Array(await file.arrayBuffer())
        expect(createHash('sha256').update(content).digest('hex')).toBe(sha256)
      }
    }
    // A relay that was killed may have published what it publishes again, under the same id.
    const ids = new Set(events.map(({ envelope }) => envelope.id))
    expect(ids.size).toBe(new Set(events.map(({ event }) => event.data.conversionId)).size)
    console.log(`${kills} kills, ${tokens.length} answered, ${ids.size} announced`)
    // Nothing lies there that no event tells of.
    const files = readdirSync(join(folder.data, 'web', 'files'))
    const folders = files.filter((name) => name !== '.unfinished')
    for (const token of folders)
      expect(events.some(({ event }) => event.data.pageUrl.endsWith(token))).toBe(true)
  })

  test('without a broker only the mail is delayed, and the page shows that', async () => {
    const folder = await openFolder()
    // A file where the broker's folder should be.
    await writeFile(join(folder.data, 'broker'), '')
    const page = await folder.start()
    const caller = openCaller(page)
    const { token } = await caller.convert({ to: 'webp', notify: 'ada@example.com' }, picture)
    expect((await caller.get(`/c/${token}/files/harbour.webp`)).status).toBe(200)
    await vi.waitFor(async () => {
      const html = await (await caller.get(`/c/${token}`)).text()
      expect(html).toContain('cannot send e-mail at the moment')
    }, patient)
    expect(await page.stop()).toBe(0)
    // What is kept goes out as soon as it is there.
    await rm(join(folder.data, 'broker'))
    const later = await folder.start()
    await vi.waitFor(async () => {
      const html = await (await openCaller(later).get(`/c/${token}`)).text()
      expect(html).toContain('being sent')
    }, patient)
  })

  test('on a public address, e-mail goes to configured domains only', async () => {
    const folder = await openFolder()
    const open = { HERALD_WEB_LISTEN: '0.0.0.0:0' }
    const closed = await folder.start(open)
    const refused = await openCaller(closed).send(
      { to: 'webp', notify: 'ada@example.com' },
      picture,
    )
    expect(refused.status).toBe(400)
    expect(await (await openCaller(closed).get('/')).text()).not.toContain('name="notify"')
    await closed.stop()

    const named = await folder.start({ ...open, HERALD_WEB_RECIPIENTS: 'example.com' })
    const caller = openCaller(named)
    const to = async (notify: string) => (await caller.send({ to: 'webp', notify }, picture)).status
    expect(await to('ada@Example.com')).toBe(202)
    expect(await to('ada@example.com.evil.test')).toBe(400)
    expect(await to('ada@evil.test')).toBe(400)
  })

  test('there is an end to the mails for one address, and to the files of one caller', async () => {
    const folder = await openFolder()
    const page = await folder.start({ HERALD_WEB_MAILS: '2', HERALD_WEB_FILES: '5' })
    const caller = openCaller(page)
    const send = (notify: string) => caller.send({ to: 'webp', notify }, picture)
    expect((await send('ada@example.com')).status).toBe(202)
    expect((await send('ADA@example.com')).status).toBe(202)
    const third = await send('ada@example.com')
    expect(third.status).toBe(429)
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(60)
    expect((await send('grace@example.com')).status).toBe(202)
    expect((await send('')).status).toBe(202)
    expect((await send('')).status).toBe(429)
  })
})

const has = (pages: ReadonlySet<string>, token: string) =>
  [...pages].some((each) => each.endsWith(`/c/${token}`))
