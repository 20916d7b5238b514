import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import type { TestSystem } from '../test-system.js'
import { sample } from './photographs.js'

const command =
  'herald convert photos --recursive --to webp,avif --width 1600 --notify ada@example.com'

const bin = fileURLToPath(new URL('../../../../client/bin/herald.js', import.meta.url))

/** The CLI's output on a terminal, drawn by a browser. */
export async function photographTerminal(
  browser: Browser,
  system: TestSystem,
  path: string,
): Promise<void> {
  const photos = join(system.folder, 'photos')
  mkdirSync(photos)
  for (const name of ['harbour.jpg', 'herald.jpg', 'town.jpg']) cpSync(sample, join(photos, name))
  const run = spawnSync(process.execPath, [bin, ...command.split(' ').slice(1)], {
    cwd: system.folder,
    encoding: 'utf8',
    env: { ...system.env, FORCE_COLOR: '1' },
  })
  if (run.status !== 0) throw new Error(run.stderr)
  // Results go to stdout, progress to stderr; a terminal shows both.
  const output = `${run.stdout}${run.stderr}`
  const context = await browser.newContext({
    viewport: { width: 980, height: 300 },
    deviceScaleFactor: 1.5,
  })
  const page = await context.newPage()
  await page.setContent(terminalPage(`$ ${command}`, output))
  await page.locator('main').screenshot({ path })
  await context.close()
}

/** The colours that Herald uses (ECMA-48 §8.3.117) on a dark terminal. */
const styles: Readonly<Record<string, string>> = {
  1: 'font-weight:700',
  2: 'opacity:.65',
  31: 'color:#ff8d85',
  32: 'color:#7bdca4',
  33: 'color:#f0cf7a',
  36: 'color:#7fd3e6',
}

function terminalPage(command: string, output: string): string {
  const text = output
    .trimEnd()
    .replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a colour begins with it.
    .replace(/\u001b\[([\d;]*)m/g, (_, codes: string) =>
      codes === '' || codes === '0' || /^(22|39)$/.test(codes)
        ? '</span>'
        : `<span style="${codes
            .split(';')
            .map((code) => styles[code] ?? '')
            .join(';')}">`,
    )
  return `<!doctype html><style>
body { margin: 0; background: #fff }
main { width: max-content; min-width: 56rem; padding: 22px 26px; background: #15201f; color: #e9efed;
  font: 15px/1.6 "DejaVu Sans Mono", monospace; white-space: pre }
b { font-weight: 400; color: #fff }
</style><main><b>${command}</b>

${text}</main>`
}
