/// <reference lib="dom" />
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { openBrowser, openVisitor, type Visitor } from '#src/browser'
import { openTestSystem, type TestSystem } from '#src/test-system'

/** A browser, and programs that the suite starts; both are closed after the suite, visitors after each test. */
export function useWebFixture(env: Record<string, string>) {
  let system: TestSystem
  let browser: Browser
  let visitors: Visitor[] = []
  beforeAll(async () => {
    ;[system, browser] = await Promise.all([openTestSystem(env), openBrowser()])
  })
  afterEach(async () => {
    await Promise.all(visitors.map(({ context }) => context.close()))
    visitors = []
  })
  afterAll(async () => {
    await browser?.close()
    await system?.close()
  })
  const url = () => `http://localhost:${system.env['HERALD_WEB_LISTEN']?.split(':')[1]}`
  return {
    get system() {
      return system
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
