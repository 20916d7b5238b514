import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromiumPath, openBrowser } from './browser.js'
import { photographMail, photographPage } from './pictures/photographs.js'
import { keepSmall } from './pictures/small-pictures.js'
import { photographTerminal } from './pictures/terminal-picture.js'
import { openRig } from './rig.js'

/** Makes the README's pictures from a system that runs for it: `npm run pictures`. */
const out = fileURLToPath(new URL('../../../docs/pictures', import.meta.url))

if (!chromiumPath) {
  process.stderr.write('The pictures are taken with Chromium: apt-get install chromium\n')
  process.exit(1)
}
const rig = await openRig({ HERALD_DIGEST_QUIET: '500ms', HERALD_WORKERS: '2' })
const browser = await openBrowser()
try {
  await Promise.all([rig.start('inbox'), rig.start('converter')])
  await Promise.all([rig.start('notifier'), rig.start('web')])
  const raw = join(rig.folder, 'raw')
  mkdirSync(raw)
  await photographTerminal(browser, rig, join(raw, 'terminal.png'))
  await photographPage(browser, rig, join(raw, 'page.png'))
  await photographMail(browser, rig, join(raw, 'mail.png'))
  for (const line of await keepSmall(rig, raw, out)) process.stdout.write(`${line}\n`)
} finally {
  await browser.close()
  await rig.close()
}
