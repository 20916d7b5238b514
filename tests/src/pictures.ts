import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromiumPath, openBrowser } from './browser.js'
import { photographMail, photographPage } from './pictures/photographs.js'
import { compressPictures } from './pictures/small-pictures.js'
import { photographTerminal } from './pictures/terminal-picture.js'
import { openTestSystem } from './test-system.js'

/** `npm run pictures`: takes the README's pictures from a running system. */
const out = fileURLToPath(new URL('../../../docs/pictures', import.meta.url))

if (!chromiumPath) {
  process.stderr.write('Chromium is not installed: apt-get install chromium\n')
  process.exit(1)
}
const system = await openTestSystem({ HERALD_DIGEST_QUIET: '500ms', HERALD_WORKERS: '2' })
const browser = await openBrowser()
try {
  await Promise.all([system.start('inbox'), system.start('converter')])
  await Promise.all([system.start('notifier'), system.start('web')])
  const raw = join(system.folder, 'raw')
  mkdirSync(raw)
  await photographTerminal(browser, system, join(raw, 'terminal.png'))
  await photographPage(browser, system, join(raw, 'page.png'))
  await photographMail(browser, system, join(raw, 'mail.png'))
  for (const line of await compressPictures(system, raw, out)) process.stdout.write(`${line}\n`)
} finally {
  await browser.close()
  await system.close()
}
