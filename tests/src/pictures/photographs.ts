/// <reference lib="dom" />
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { mailPage } from '@herald/stack/demo/mail-page'
import type { Browser, Page } from 'playwright-core'
import type { TestSystem } from '../test-system.js'

export const sample = fileURLToPath(
  new URL('../../../../stack/sample/herald-at-dusk.jpg', import.meta.url),
)
const recipient = 'ada@example.com'

async function openPage(browser: Browser, width: number, height: number): Promise<Page> {
  const context = await browser.newContext({
    locale: 'en',
    viewport: { width, height },
    deviceScaleFactor: 1.25,
  })
  return context.newPage()
}

/** The page with a chosen file, its preview, and an earlier conversion with the state of its mail. */
export async function photographPage(
  browser: Browser,
  system: TestSystem,
  path: string,
): Promise<void> {
  const page = await openPage(browser, 960, 1180)
  await page.goto(`http://localhost:${system.env['HERALD_WEB_LISTEN']?.split(':')[1]}`)
  const choose = async (name: string, previews: number) => {
    const content = readFileSync(sample)
    await page.setInputFiles('#files', { name, mimeType: 'image/jpeg', buffer: content })
    await page.waitForFunction(
      (count) => Number(document.querySelector<HTMLElement>('.compare')?.dataset['done']) >= count,
      previews,
    )
  }
  await choose('evening-at-the-harbour.jpg', 1)
  await page.fill('#notify', recipient)
  await page.fill('#width', '1600')
  await page.click('#send')
  await page.locator('.row .mail.sent').waitFor()
  await choose('herald-at-dusk.jpg', 2)
  await page.selectOption('#to', 'avif')
  await page.waitForFunction(
    () => Number(document.querySelector<HTMLElement>('.compare')?.dataset['done']) >= 3,
  )
  await page.mouse.click(1, 1)
  // As high as the page, because its button stays at the bottom of the viewport.
  const height = await page.evaluate(() => document.documentElement.scrollHeight)
  await page.setViewportSize({ width: 960, height })
  await page.screenshot({ path })
  await page.context().close()
}

/** The mail about that conversion in a mail program. */
export async function photographMail(
  browser: Browser,
  system: TestSystem,
  path: string,
): Promise<void> {
  const inbox = await system.inbox()
  const mail = await inbox.waitFor(
    ({ recipients, html }) => recipients.includes(recipient) && html.includes('/c/'),
  )
  const page = await openPage(browser, 640, 600)
  await page.setContent(mailPage(mail), { waitUntil: 'load' })
  // Without the details below.
  const details = await page.getByText('Details', { exact: true }).boundingBox()
  const height = Math.round(details?.y ?? 900)
  await page.screenshot({ path, fullPage: true, clip: { x: 0, y: 0, width: 640, height } })
  await page.context().close()
}
