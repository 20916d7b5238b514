import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findLibreOffice } from '#src/engines/document/libreoffice'
import { writeProfile } from '#src/engines/document/libreoffice-profile'
import { macroDocument } from './macro-document.js'
import { text } from './office-file.js'

const office = findLibreOffice(process.env)
const leftOut = office ? '' : ' (left out: LibreOffice is not installed)'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-macros-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

/**
 * LibreOffice 7.4 runs no macro of a document it converts, whatever its settings say. That the
 * settings forbid it as well shows where documents are opened to be worked on.
 */
describe.runIf(office)(`a macro that runs on opening a document${leftOut}`, () => {
  test('does not run with the profile documents are converted with', async () => {
    expect(await marks((settings) => settings)).toBe(false)
  })

  test('would run, were it not for the settings on macros in it', async () => {
    const allowed = (settings: string) =>
      settings
        .replace(/("MacroSecurityLevel"[^>]*><value>)3/, '$10')
        .replace(/("DisableMacrosExecution"[^>]*><value>)true/, '$1false')
    expect(await marks(allowed)).toBe(true)
  })
})

/** Opens a document with such a macro, ends LibreOffice, and says whether the macro ran. */
async function marks(change: (settings: string) => string): Promise<boolean> {
  const own = await mkdtemp(join(folder, 'run-'))
  const mark = join(own, 'mark')
  const document = join(own, 'document.odt')
  await writeFile(document, macroDocument(mark, text('HELLO')))
  await writeProfile(own)
  const settings = join(own, 'user', 'registrymodifications.xcu')
  await writeFile(settings, change(await readFile(settings, 'utf8')))
  const words = [
    `-env:UserInstallation=${pathToFileURL(own)}`,
    ...['--headless', '--norestore', '--nologo', '--nodefault', '--nolockcheck'],
    ...['--infilter=writer8', document, '.uno:Quit'],
  ]
  // A start that only wrote the profile ends with 81.
  if ((await start(words, own)) === 81) await start(words, own)
  return existsSync(mark)
}

function start(words: readonly string[], cwd: string): Promise<number | null> {
  const { PATH = '' } = process.env
  const env = { PATH, LANG: 'C.UTF-8', HOME: cwd, TMPDIR: cwd, SAL_USE_VCLPLUGIN: 'svp' }
  return new Promise((resolve) => {
    const child = execFile(office?.program ?? '', words, { env, cwd, timeout: 50_000 }, () =>
      resolve(child.exitCode),
    )
  })
}
