/// <reference lib="dom" />
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { accessibilityViolations, chromiumPath, dropFiles, dropPaths, leftOut } from '#src/browser'
import { useWebFixture } from './web-fixture.js'

const sample = fileURLToPath(new URL('../../stack/sample/herald-at-dusk.jpg', import.meta.url))

describe.skipIf(!chromiumPath)(`many files in a browser${leftOut}`, { timeout: 180_000 }, () => {
  const web = useWebFixture({ HERALD_MAX_BYTES: '2M' })
  const { visit } = web
  const content = readFileSync(sample)

  beforeAll(() => web.system.start('web'), 90_000)

  const pictures = (...names: readonly string[]) =>
    names.map((name) => ({ name, type: 'image/jpeg', content }))
  const convert = async (page: Page, ...names: readonly string[]) => {
    await dropFiles(page, pictures(...names))
    await page.click('#send')
    await page
      .locator('.row.converted')
      .nth(names.length - 1)
      .waitFor()
  }

  test('a page opened before the converter says so, waits and fills in', async () => {
    const { page, errors } = await visit()
    const plain = await visit({ javaScriptEnabled: false })
    expect(await page.locator('#away').textContent()).toContain('still starting')
    expect(await page.locator('#send').isDisabled()).toBe(true)
    await dropFiles(page, pictures('early.jpg'))
    await web.system.start('converter')
    await page.locator('#away').waitFor({ state: 'detached' })
    expect(await page.locator('#to option').count()).toBeGreaterThan(5)
    expect(await page.locator('#to').inputValue()).toBe('webp')
    await page.click('#send')
    await page.locator('.row.converted').waitFor()
    await plain.page.locator('#to option[value=webp]').waitFor({ state: 'attached' })
    expect(errors).toEqual([])
  })

  test('a dropped folder is walked, and its paths are those of the zip', async () => {
    const folder = join(web.system.folder, 'holiday')
    mkdirSync(join(folder, 'day 2'), { recursive: true })
    for (const name of ['a.jpg', 'day 2/a.jpg', '.hidden.jpg', 'notes.xyz'])
      writeFileSync(join(folder, name), content)
    const { page } = await visit()
    await dropPaths(page, [folder])
    await page.locator('.chosen li').nth(1).waitFor()
    const names = await page.locator('.chosen .name').allTextContents()
    expect(names).toEqual(['holiday/a.jpg', 'holiday/day 2/a.jpg'])
    expect(await page.locator('#live > .hint').textContent()).toMatch(/^Skipped.*: 1$/)
    await page.click('#send')
    await page.locator('.row.converted').nth(1).waitFor()
    expect(await page.locator('.row .name').allTextContents()).toContain('holiday/day 2/a.jpg')
    const [zip] = await Promise.all([page.waitForEvent('download'), page.click('#zip')])
    const listed = readFileSync(await zip.path()).toString('latin1')
    for (const name of ['holiday/a.webp', 'holiday/day 2/a.webp']) expect(listed).toContain(name)
  })

  test('leaving during uploads asks first; afterwards each file has its record', async () => {
    const line = await stuckLine(Number(new URL(web.url).port))
    const { page, context } = await visit({}, line.url)
    await dropFiles(page, pictures('1.jpg', '2.jpg', '3.jpg', '4.jpg', '5.jpg'))
    await page.click('#send')
    await page.locator('.row[id]').nth(4).waitFor()
    const asked = page.waitForEvent('dialog')
    const leaving = page.close({ runBeforeUnload: true })
    const dialog = await asked
    expect(dialog.type()).toBe('beforeunload')
    await Promise.all([page.waitForEvent('close'), dialog.accept(), leaving])
    const later = await context.newPage()
    await later.goto(web.url)
    await later.locator('.row.failed').nth(4).waitFor()
    const reasons = await later.locator('.row .fault').allTextContents()
    for (const reason of reasons) expect(reason).toContain('did not arrive completely')
    expect(await later.locator('.row').count()).toBe(5)
  })

  test('nothing asks before leaving when everything is sent', async () => {
    const { page } = await visit()
    await convert(page, 'sent.jpg')
    let asked = 0
    page.on('dialog', (dialog) => {
      asked += 1
      return dialog.accept()
    })
    await page.reload()
    expect(asked).toBe(0)
  })

  test('what is cancelled while it waits is neither sent nor kept', async () => {
    const line = await stuckLine(Number(new URL(web.url).port))
    const { page } = await visit({}, line.url)
    await dropFiles(page, pictures('1.jpg', '2.jpg', '3.jpg', 'not this.jpg'))
    await page.click('#send')
    const row = page.locator('.row[id]', { hasText: 'not this.jpg' })
    await row.getByRole('button', { name: 'Cancel' }).click()
    await row.waitFor({ state: 'detached' })
    line.free()
    await page.locator('.row.converted').nth(2).waitFor()
    await page.reload()
    expect(await page.locator('.row').count()).toBe(3)
  })

  test('what is deleted is back at the press of a button', async () => {
    const { page, errors } = await visit()
    await convert(page, 'wanted.jpg')
    await page.getByRole('button', { name: 'Delete: wanted.jpg' }).click()
    await page.locator('.row.deleted').waitFor()
    expect(await page.locator('.row').textContent()).toContain('You can undo this for 5 min')
    expect(await page.locator('#zip').isHidden()).toBe(true)
    expect(await accessibilityViolations(page)).toEqual([])
    expect(errors).toEqual([])
    // The focus stays in the row: the keyboard can undo at once.
    await page.keyboard.press('Enter')
    await page.locator('.row.converted').waitFor()
    await page.reload()
    await page.locator('.row.converted .name a').click()
    await page.getByRole('button', { name: 'Delete now' }).click()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.locator('.result.converted').waitFor()
  })

  test('a file over the limit is refused once, with one size, and not sent', async () => {
    const { page, requests } = await visit()
    const large = { name: 'large.jpg', type: 'image/jpeg', content: Buffer.alloc(2_200_000, 1) }
    await dropFiles(page, [large])
    const live = page.locator('#live')
    await live.getByText('Too large: the limit is 2 MB.').first().waitFor()
    const text = (await live.textContent()) ?? ''
    expect(text).not.toContain('works')
    expect(text).not.toContain('No preview')
    await page.click('#send')
    expect(requests.filter((each) => /\/(convert|expect)$/.test(each))).toEqual([])
    await dropFiles(page, pictures('small.jpg'))
    expect(await page.locator('#send').textContent()).toBe('Convert 1 file')
  })

  test('beside 50 files and a long name the button stays in view, at every width', async () => {
    const { page } = await visit({ viewport: { width: 320, height: 640 } })
    const long = `${'a long name '.repeat(20)}end.jpg`
    const names = Array.from({ length: 49 }, (_, at) => `${at}.jpg`)
    await dropFiles(page, [
      ...pictures(long),
      ...names.map((name) => ({ name, type: '', content: content.subarray(0, 2000) })),
    ])
    await page.locator('.chosen li').nth(49).waitFor()
    expect(await page.locator('.chosen bdi').first().getAttribute('title')).toBe(long)
    for (const [width, height] of [
      [320, 640],
      [800, 700],
      [1280, 800],
    ] as const) {
      await page.setViewportSize({ width, height })
      for (const at of [0, 49]) {
        await page.locator('.chosen .pick').nth(at).focus()
        const { y = -1, height: high = 0 } = (await page.locator('#send').boundingBox()) ?? {}
        expect(y).toBeGreaterThanOrEqual(0)
        expect(y + high).toBeLessThanOrEqual(height)
      }
      const [first, second] = await page
        .locator('.chosen .name')
        .evaluateAll((all) => all.map((each) => each.getBoundingClientRect().height))
      expect(first).toBe(second)
      const end = page.locator('.chosen .name span', { hasText: /end\.jpg$/ }).last()
      expect(await end.evaluate((each) => each.scrollWidth <= each.clientWidth)).toBe(true)
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
    }
    expect(await accessibilityViolations(page)).toEqual([])
  })

  test('a name of 240 characters is one line on every page', async () => {
    const { page } = await visit({ viewport: { width: 320, height: 640 } })
    await convert(page, `${'a long name '.repeat(19)}the end.jpg`)
    const isOneLine = async (names: string) => {
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320)
      const lines = await page
        .locator(names)
        .evaluateAll((all) =>
          all.map(
            (each) =>
              each.getBoundingClientRect().height / parseFloat(getComputedStyle(each).lineHeight),
          ),
        )
      expect(Math.max(...lines)).toBeLessThan(1.5)
    }
    await isOneLine('.row .name')
    await page.locator('.row .name a').click()
    await page.locator('.result .files').waitFor()
    await isOneLine('.result .name')
    expect(await accessibilityViolations(page)).toEqual([])
  })
})

/** A line to the page on which no upload gets further than its first bytes, until it is freed. */
async function stuckLine(port: number) {
  const stuckAfterBytes = 60_000
  const held: (() => void)[] = []
  let isFree = false
  const server = createServer((browser) => {
    const page = connect(port, '127.0.0.1')
    let bytes = 0
    // Read all the same: a socket that is not read does not notice that it was closed.
    browser.on('data', (chunk) => {
      bytes += chunk.length
      if (isFree || bytes < stuckAfterBytes) page.write(chunk)
      else held.push(() => page.write(chunk))
    })
    page.pipe(browser)
    for (const [one, other] of [
      [browser, page],
      [page, browser],
    ] as const)
      one.on('error', () => {}).once('close', () => other.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    free() {
      isFree = true
      for (const write of held) write()
    },
  }
}
