/// <reference lib="dom" />
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { accessibilityViolations, chromiumPath, dropFiles, leftOut } from '#src/browser'
import { useWebFixture } from './web-fixture.js'

const sample = fileURLToPath(new URL('../../stack/sample/herald-at-dusk.jpg', import.meta.url))

describe.skipIf(!chromiumPath)(`the web page in a browser${leftOut}`, { timeout: 180_000 }, () => {
  const web = useWebFixture({ HERALD_DIGEST_QUIET: '300ms' })
  const { visit } = web
  /** Three real pictures of different kinds. */
  let pictures: { name: string; type: string; content: Buffer }[]

  beforeAll(async () => {
    const { system } = web
    await Promise.all([system.start('inbox'), system.start('converter')])
    await Promise.all([system.start('notifier'), system.start('web')])
    const made = ['convert', sample, '--to', 'png,webp', '--width', '700', '--out', system.folder]
    expect(await system.herald(made)).toMatchObject({ exitCode: 0 })
    const read = (name: string) => readFileSync(join(system.folder, name))
    pictures = [
      { name: 'dusk.jpg', type: 'image/jpeg', content: readFileSync(sample) },
      { name: 'town.png', type: 'image/png', content: read('herald-at-dusk.png') },
      { name: 'sea.webp', type: 'image/webp', content: read('herald-at-dusk.webp') },
    ]
  })

  const rowOf = (page: Page, name: string) => page.locator('.row', { hasText: name })
  const mailed = (page: Page, name: string) => rowOf(page, name).locator('.mail.sent').waitFor()

  test('three pictures are dropped, watched and fetched; the mail leads to the same page', async () => {
    const { page, requests, errors } = await visit()
    await dropFiles(page, pictures)
    await page.locator('.compare[data-done]').waitFor()
    expect(await page.locator('.compare figcaption').nth(1).textContent()).toMatch(/about .*kB.*%/)

    await page.selectOption('#to', 'avif')
    await page.fill('#width', '1200')
    await page.fill('#notify', 'ada@example.com')
    // Everything that the bars show, from the first moment on.
    await page.evaluate(() => {
      const seen: Record<string, { value: number; stage: string }[]> = {}
      Object.assign(window, { seen })
      const look = () => {
        for (const row of document.querySelectorAll<HTMLElement>('.row')) {
          const bar = row.querySelector('progress')
          const stage = row.querySelector('.stage')?.textContent ?? ''
          const key = row.dataset['key'] ?? ''
          const steps = seen[key] ?? []
          seen[key] = steps
          const last = steps.at(-1)
          if (bar && (last?.value !== bar.value || last?.stage !== stage)) {
            steps.push({ value: bar.value, stage })
          }
        }
      }
      new MutationObserver(look).observe(document, {
        subtree: true,
        childList: true,
        attributes: true,
        characterData: true,
      })
    })
    await page.click('#send')
    for (const { name } of pictures) await mailed(page, name)
    const seen = await page.evaluate(
      () =>
        (window as unknown as { seen: Record<string, { value: number; stage: string }[]> }).seen,
    )
    expect(Object.keys(seen)).toHaveLength(3)
    for (const steps of Object.values(seen)) {
      const values = steps.map(({ value }) => value)
      expect(values).toEqual(values.toSorted((a, b) => a - b))
      expect(new Set(values).size).toBeGreaterThan(2)
      expect(steps.map(({ stage }) => stage)).toContain('Converting')
    }

    const row = rowOf(page, 'dusk.jpg')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      row.getByRole('link', { name: 'Download' }).click(),
    ])
    expect(download.suggestedFilename()).toBe('dusk.avif')
    const content = readFileSync(await download.path())
    expect(content.toString('latin1', 4, 12)).toBe('ftypavif')
    const [zip] = await Promise.all([page.waitForEvent('download'), page.click('#zip')])
    const names = readFileSync(await zip.path()).toString('latin1')
    for (const name of ['dusk.avif', 'town.avif', 'sea.avif']) expect(names).toContain(name)

    const mail = await (await web.system.inbox()).waitFor(
      ({ recipients, text }) => recipients.includes('ada@example.com') && text.includes('dusk'),
    )
    const pagePath = await row.locator('.name a').getAttribute('href')
    expect(mail.text).toContain(`${web.url}${pagePath}`)
    expect(mail.html).toContain(`${web.url}${pagePath}`)
    const elsewhere = await visit({}, pagePath ?? '')
    expect(await elsewhere.page.locator('h1').textContent()).toBe('dusk.jpg')
    const sizes = (await row.locator('.sizes').textContent()) ?? ''
    expect(await elsewhere.page.locator('.sizes').textContent()).toBe(sizes)
    expect(await elsewhere.page.locator('.mail').textContent()).toContain('sent to ada@example.com')
    expect(await elsewhere.page.locator('#conversion').textContent()).toMatch(/server: 250/)
    // A stranger with a link sees what it leads to, and no more.
    await elsewhere.page.goto(web.url)
    expect(await elsewhere.page.locator('.row').count()).toBe(0)

    expect(requests.filter((each) => new URL(each).origin !== web.url)).toEqual([])
    expect(errors).toEqual([])
  })

  test.each([
    ['en', 'Convert pictures', 'Download', 'E-mail sent'],
    ['ru', 'Преобразование изображений', 'Скачать', 'отправлено'],
    ['zh-CN', '转换图片和文档', '下载', '邮件已发送'],
  ])('it speaks %s', async (locale, title, download, mailLine) => {
    const { page, errors } = await visit({ locale })
    expect(await page.locator('html').getAttribute('lang')).toBe(locale.slice(0, 2))
    expect(await page.locator('h1').textContent()).toContain(title)
    await page.setInputFiles('#files', {
      name: 'море 海.webp',
      mimeType: '',
      buffer: at(2).content,
    })
    await page.fill('#notify', `${locale}@example.com`)
    await page.click('#send')
    await mailed(page, 'море 海.webp')
    const row = rowOf(page, 'море 海.webp')
    expect(await row.textContent()).toContain(mailLine)
    await row.locator('.name a').click()
    const [fetched] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('.files').getByText(download, { exact: true }).click(),
    ])
    expect(fetched.suggestedFilename()).toBe('море 海.webp')
    expect(await accessibilityViolations(page)).toEqual([])
    expect(errors).toEqual([])
  })

  test('without JavaScript a form does the same', async () => {
    const { page } = await visit({ javaScriptEnabled: false })
    await page.setInputFiles(
      '#files',
      [at(0), at(1)].map(({ name, type, content }) => ({ name, mimeType: type, buffer: content })),
    )
    await page.selectOption('#to', 'jpeg')
    await page.fill('#width', '300')
    await page.click('#send')
    expect(page.url()).toMatch(/\/r\/[\w-]{22}$/)
    // The page asks anew by itself until everything is done.
    await page.locator('.row.converted').nth(1).waitFor()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      rowOf(page, 'town.png').getByRole('link', { name: 'Download' }).click(),
    ])
    expect(download.suggestedFilename()).toBe('town.jpg')
    await rowOf(page, 'town.png').locator('.name a').click()
    expect(await page.locator('h1').textContent()).toBe('town.png')
    await page.getByRole('button', { name: 'Delete now' }).click()
    await page.getByRole('button', { name: 'Undo' }).waitFor()
    await page.getByRole('link', { name: 'Back to the start page' }).click()
    expect(await page.locator('.row.converted').count()).toBe(1)
    expect(await page.locator('.row.deleted').count()).toBe(1)
  })

  test('the keyboard is enough', async () => {
    const { page } = await visit()
    // Asked for first: the listener must be there before the key opens the file dialog.
    const asked = page.waitForEvent('filechooser')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    const chooser = await asked
    await chooser.setFiles({ name: 'sea.webp', mimeType: '', buffer: at(2).content })
    await page.locator('.chosen li').waitFor()
    await page.focus('#send')
    await page.keyboard.press('Enter')
    await page.locator('.row.converted').waitFor()
    expect(await page.locator('#say').textContent()).toBe('sea.webp: ready')
  })

  test.each(['light', 'dark'] as const)(
    'axe finds nothing wrong in the %s',
    async (colorScheme) => {
      const { page } = await visit({ colorScheme })
      expect(await accessibilityViolations(page)).toEqual([])
      await dropFiles(page, pictures.slice(1))
      await page.locator('.compare[data-done]').waitFor()
      expect(await accessibilityViolations(page)).toEqual([])
      await page.click('#send')
      await page.locator('.row.converted').nth(1).waitFor()
      await page.setInputFiles('#files', {
        name: 'no picture.jpg',
        mimeType: '',
        buffer: Buffer.from([0, 1, 2, 255, 254, 0]),
      })
      await page.click('#send')
      await page.locator('.row.failed').waitFor()
      expect(await accessibilityViolations(page)).toEqual([])
      await page.setViewportSize({ width: 390, height: 800 })
      expect(await accessibilityViolations(page)).toEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
    },
  )

  test('a name is shown and given back as it is, whatever it holds', async () => {
    const { page, errors } = await visit()
    const long = `${'длинное имя '.repeat(20).slice(0, 124)}.png`
    const given = [
      'отчёт 报告 🦊.png',
      '<script>alert(1)</script>.png',
      'a\r\nb".png',
      'a#b?c%20d.png',
      long,
    ]
    await dropFiles(
      page,
      given.map((name) => ({ ...at(1), name })),
    )
    await page.click('#send')
    await page.locator('.row.converted').nth(4).waitFor()
    const shown = (await page.locator('.row .name').allTextContents()).toSorted()
    expect(shown).toEqual([given[0], given[1], 'a\\r\\nb".png', 'a#b?c%20d.png', long].toSorted())
    const fetched = []
    for (const link of await page.locator('.row .act a').all()) {
      const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
      fetched.push(download.suggestedFilename())
    }
    // What no file name can hold is an underscore in it; what is too long is cut.
    expect(fetched).toContain('отчёт 报告 🦊.webp')
    expect(fetched.map((name) => name.replace(/[<>:"|?*]/g, '_'))).toContain('a__b_.webp')
    expect(fetched.some((name) => /^a#b.c%20d\.webp$/.test(name))).toBe(true)
    expect(fetched.some((name) => name.startsWith('длинное имя длинное'))).toBe(true)
    expect(errors).toEqual([])
  })

  test('the page and its files have less than 60 KB', async () => {
    const { page, requests } = await visit()
    await page.locator('input[type=range]').waitFor()
    // Headers included.
    const weight = await page.evaluate(() =>
      [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .map((entry) => (entry as PerformanceResourceTiming).transferSize)
        .reduce((sum, size) => sum + size, 0),
    )
    console.log(`the page: ${weight} bytes in ${requests.length} requests`)
    expect(weight).toBeGreaterThan(20_000)
    expect(weight).toBeLessThan(60_000)
  })

  function at(index: number) {
    const picture = pictures[index]
    if (!picture) throw new Error('no such picture')
    return picture
  }
})
