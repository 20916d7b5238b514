/// <reference lib="dom" />
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'

/** Debian's Chromium; undefined if it is not installed. */
export const chromiumPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) =>
  existsSync(path),
)

export const leftOut = chromiumPath ? '' : ' (left out: Chromium is not installed)'

/** Headless; the caller closes it. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath ?? '',
    // Tests run as root in containers, where Chromium's sandbox does not work.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })
}

/** A browser context of its own, with the requests and errors of its page. */
export interface Visitor {
  readonly context: BrowserContext
  readonly page: Page
  /** Every requested URL, without blob: and data:. */
  readonly requests: readonly string[]
  /** Errors of the console and of scripts, such as violations of the content policy. */
  readonly errors: readonly string[]
}

export async function openVisitor(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Visitor> {
  const context = await browser.newContext({ locale: 'en', acceptDownloads: true, ...options })
  const page = await context.newPage()
  // Only against hanging: a busy machine may be slow.
  page.setDefaultTimeout(90_000)
  const requests: string[] = []
  const errors: string[] = []
  page.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url())) requests.push(request.url())
  })
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(error.message))
  return { context, page, requests, errors }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeResults {
  readonly violations: readonly {
    readonly id: string
    readonly help: string
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
  }[]
}

/** What axe-core reports for the current page: one entry for each element. */
export async function accessibilityViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const { violations } = (await page.evaluate('axe.run(document)')) as AxeResults
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html}\n${failureSummary ?? ''}`),
  )
}

/** Drops files on the page. */
export async function dropFiles(
  page: Page,
  files: readonly { readonly name: string; readonly type: string; readonly content: Buffer }[],
): Promise<void> {
  const dataTransfer = await page.evaluateHandle(
    (given) => {
      const transfer = new DataTransfer()
      for (const { name, type, base64 } of given) {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
        transfer.items.add(new File([bytes], name, { type }))
      }
      return transfer
    },
    files.map(({ name, type, content }) => ({ name, type, base64: content.toString('base64') })),
  )
  for (const type of ['dragenter', 'dragover', 'drop']) {
    await page.dispatchEvent('#drop', type, { dataTransfer })
  }
}

/** Drops files and folders of this machine on the page. */
export async function dropPaths(page: Page, paths: readonly string[]): Promise<void> {
  const devtools = await page.context().newCDPSession(page)
  const { x, y, width, height } = (await page.locator('#drop').boundingBox()) ?? {
    ...{ x: 0, y: 0, width: 0, height: 0 },
  }
  const data = { items: [], files: [...paths], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await devtools.send('Input.dispatchDragEvent', {
      ...{ type, data, x: x + width / 2, y: y + height / 2 },
    })
  }
}
