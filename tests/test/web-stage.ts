/// <reference lib="dom" />
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { openBrowser, openVisitor, type Visitor } from '#src/browser'
import { openRig, type Rig } from '#src/rig'

/** A browser, and programs that the suite starts; both are closed after the suite, visitors after each test. */
export function useWebStage(env: Record<string, string>) {
  let rig: Rig
  let browser: Browser
  let visitors: Visitor[] = []
  beforeAll(async () => {
    ;[rig, browser] = await Promise.all([openRig(env), openBrowser()])
  }, 90_000)
  afterEach(async () => {
    await Promise.all(visitors.map(({ context }) => context.close()))
    visitors = []
  })
  afterAll(async () => {
    await browser?.close()
    await rig?.close()
  })
  const url = () => `http://localhost:${rig.env['HERALD_WEB_LISTEN']?.split(':')[1]}`
  return {
    get rig() {
      return rig
    },
    get url() {
      return url()
    },
    /** Opens the page, or another address. */
    async visit(options?: BrowserContextOptions, address = '/') {
      const visitor = await openVisitor(browser, options)
      visitors.push(visitor)
      await visitor.page.goto(new URL(address, url()).href)
      return visitor
    },
  }
}
