import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { ReceivedEvent } from '@herald/broker/message'
import { eventTypes } from '@herald/proto/events'
import type { AxeResults } from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MailContent } from '#src/mail/mail-writer'
import { createMailWriter } from '#src/mail/mail-writer'
import { sampleMails } from '#src/mail/sample-mails'
import { shippedFolder } from '#src/mail/template-files'
import { loadTemplates } from '#src/mail/templates'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync)
const leftOut = executablePath ? '' : ' (left out: Chromium is not installed)'
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8')
const preview = readFileSync(join(shippedFolder, 'sample.jpg'))

const templates = loadTemplates(undefined)

/** Each sample in one language, each kind of mail in the others. */
const mails = ['en', 'ru', 'zh'].flatMap((language) =>
  sampleMails(preview)
    .filter(({ name }) => language === 'en' || !name.includes('-'))
    .map(({ name, events }) => {
      const writer = createMailWriter(templates, language)
      return { name: `${name}.${language}`, content: writer.write(events, { language }) }
    }),
)

const views = [320, 800].flatMap((width) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
)

describe.skipIf(!executablePath)(`a mail in a browser${leftOut}`, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: executablePath ?? '',
      args: ['--no-sandbox'],
    })
  })
  afterAll(() => browser?.close())

  test.each(views)('fits $width px and can be read in $colorScheme colours', async (view) => {
    const { page, asked } = await open(view)
    for (const { name, content } of mails) {
      await page.setContent(withPictures(content))
      expect(await tooWide(page), `${name} is wider than its window`).toBeLessThanOrEqual(0)
      expect(await violations(page), name).toEqual([])
    }
    expect(asked).toEqual([])
    await page.close()
  })

  test('the check of contrast fails on a bad colour', async () => {
    const { page } = await open({ width: 320, colorScheme: 'dark' })
    const html = mails[0]?.content.html ?? ''
    await page.setContent(html.replace('.ink { color: #e9edf1', '.ink { color: #333333'))
    expect((await violations(page)).join()).toContain('color-contrast')
    await page.close()
  })

  test('without pictures shows their descriptions', async () => {
    const { page } = await open({ width: 320, colorScheme: 'light' })
    for (const { name, content } of mails) {
      await page.setContent(content.html)
      const texts = await page
        .locator('img')
        .evaluateAll((all) => all.map((each) => each.getAttribute('alt') ?? ''))
      for (const text of texts) expect(text, name).toMatch(/\.(jpg|pdf)/)
      expect(await tooWide(page), name).toBeLessThanOrEqual(0)
    }
    await page.close()
  })

  test.each([
    ['250 wide letters', 'W'.repeat(250)],
    ['markup', '<script>document.title = "stolen"</script><img src=x onerror=alert(1)>.png'],
  ])('holds a name of %s', async (_, name) => {
    const { page, asked } = await open({ width: 320, colorScheme: 'light' })
    const writer = createMailWriter(templates)
    for (const { name: kind, events } of sampleMails(preview)) {
      const named = events.map((event) => withName(event, name))
      const { html } = writer.write(named, { language: writer.languageFor(named) })
      await page.setContent(html)
      expect(await page.textContent('body'), kind).toContain(name)
      expect(await tooWide(page), kind).toBeLessThanOrEqual(0)
      expect(await page.locator('script').count(), kind).toBe(0)
    }
    expect(asked).toEqual([])
    await page.close()
  })

  /** A window that gets nothing from anywhere, and remembers what it asked for. */
  async function open({ width, colorScheme }: (typeof views)[number]) {
    const page = await browser.newPage({ viewport: { width, height: 700 }, colorScheme })
    const asked: string[] = []
    await page.route(/^(?!data:)/, (route) => {
      if (!route.request().url().startsWith('cid:')) asked.push(route.request().url())
      return route.abort()
    })
    return { page, asked }
  }
})

/** The event with this name wherever there is one. */
function withName(received: ReceivedEvent, name: string): ReceivedEvent {
  const event = structuredClone(received.event)
  if (event.type === eventTypes.fileConverted) {
    Object.assign(event.data.source ?? {}, { name })
    Object.assign(event.data, { host: name })
    for (const rendition of event.data.renditions) {
      Object.assign(rendition, { name, ...(rendition.path ? { path: `/${name}` } : {}) })
    }
  } else {
    Object.assign(event.data, { fileName: name, message: name, formats: [name], code: name })
  }
  return { ...received, event }
}

const tooWide = (page: Page) =>
  page.evaluate('document.documentElement.scrollWidth - innerWidth') as Promise<number>

/** What axe finds, but for rules about the parts of a page, which a mail does not have. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const rules = { region: { enabled: false }, 'landmark-one-main': { enabled: false } }
  const found = (await page.evaluate(`axe.run(${JSON.stringify({ rules })})`)) as AxeResults
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
}

function withPictures({ html, pictures }: MailContent): string {
  return pictures.reduce((page, { cid, mediaType, data }) => {
    const url = `data:${mediaType};base64,${Buffer.from(data).toString('base64')}`
    return page.replaceAll(`cid:${cid}`, url)
  }, html)
}
