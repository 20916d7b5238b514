import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openLetters } from '@herald/notifier-service/mail/letters'
import { everyLetter } from '@herald/notifier-service/mail/sample-events'
import { shippedFolder } from '@herald/notifier-service/mail/template-files'
import { loadTemplates } from '@herald/notifier-service/mail/template-set'
import type { View, Voice } from '@herald/notifier-service/mail/view'
import { draftOf } from '@herald/notifier-service/mail/write-letter'
import { ConfigurationError } from '@herald/runtime'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startNotifier } from './notifier-process.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-templates-'))
})
afterEach(() => rm(folder, { recursive: true }))

const [sample] = everyLetter()
const events = sample?.events ?? []

async function put(files: Record<string, string>): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

/** A file of phrases with a change. */
async function phrases(language: string, change: (file: Phrases) => void): Promise<string> {
  const file = JSON.parse(await readFile(join(shippedFolder, `strings/${language}.json`), 'utf8'))
  change(file)
  return JSON.stringify(file)
}

// biome-ignore lint/suspicious/noExplicitAny: a test breaks it in ways its type forbids.
type Phrases = any

function faultsOf(templates: string): readonly string[] {
  try {
    loadTemplates(templates)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults
    throw error
  }
}

describe("an operator's templates", () => {
  test('stand in for those of Herald file by file, whatever lies beside them', async () => {
    const letters = openLetters({
      templates: await put({
        'converted.txt': 'Hello! {{heading}}.\n',
        'README.md': 'ours',
        '.git/config.json': '',
      }),
    })
    const letter = letters.composeLetter(events, { template: letters.templateFor(events) })
    expect(letter.text).toBe('Hello! harbour-at-dusk.jpg is ready.\n')
    expect(letter.html).toContain('<h1')
  })

  test('may bring a language and parts of their own', async () => {
    const letters = openLetters({
      language: 'de',
      templates: await put({
        'strings/de.json': await phrases('en', (file) => {
          file.locale = 'de'
          file.sentences.convertedHeading = '{name} ist fertig'
        }),
        'converted.txt': '{{> greeting}}',
        'parts/greeting.txt': '{{heading}}: {{after.size}}',
      }),
    })
    const template = letters.templateFor(events)
    expect(template).toMatch(/^[0-9a-f]{12}\/de$/)
    expect(letters.composeLetter(events, { template }).text).toBe(
      'harbour-at-dusk.jpg ist fertig: 185 kB\n',
    )
  })

  test('have every fault named at once, with its file and line', async () => {
    const templates = await put({
      'converted.html': '<p>\n{{#picture}}<img src="cid:{{cid}}">\n',
      'converted.txt': 'Dear {{customer}},\n{{#files}}{{nmae}}{{/files}}{{t.helo}}{{> logo}}',
      'failed.html': '<p>{{{wrong}}}</p>{{&remedy}}{{constructor}}',
      'digest.txt': '{{> loop}}',
      'parts/loop.txt': '{{> loop}}',
      'convertd.html': '',
      'strings/ru.json': await phrases('ru', (file) => {
        delete file.sentences.pages.few
        delete file.sentences.open
        delete file.errors.HERALD_BUSY
        file.sentences.previewOf = 'Просмотр: {nam}'
        file.sentences.opne = 'Открыть'
      }),
      'strings/zh.json': '{ "locale": "zh-CN", ',
      'strings/xx.json': await phrases('en', (file) => {
        file.locale = 'no such thing'
        delete file.labels
      }),
    })
    const faults = faultsOf(templates)
    for (const fault of [
      /^convertd\.html is no template Herald knows/,
      /^converted\.html, line 3: Unclosed section "picture"\.$/,
      /^converted\.txt, line 1: \{\{customer\}\} is nothing this letter knows; here it knows .*heading/,
      /^converted\.txt, line 2: \{\{nmae\}\} is nothing this letter knows; here it knows name, /,
      /^converted\.txt, line 2: \{\{t\.helo\}\}: the translation is missing, labels\.helo in strings\/en\.json\.$/,
      /^converted\.txt, line 2: \{\{> logo\}\} needs the file parts\/logo\.txt\.$/,
      /^failed\.html, line 1: \{\{\{wrong\}\}\} would not be escaped\. Write \{\{wrong\}\}\.$/,
      /^failed\.html, line 1: \{\{\{remedy\}\}\} would not be escaped/,
      /^failed\.html, line 1: \{\{constructor\}\} is nothing this letter knows/,
      /^parts\/loop\.txt, line 1: \{\{> loop\}\} leads back to itself\.$/,
      /^strings\/ru\.json: sentences\.pages lacks the plural form "few"\.$/,
      /^strings\/ru\.json: the translation of sentences\.open is missing\.$/,
      /^strings\/ru\.json: the translation of errors\.HERALD_BUSY is missing\.$/,
      /^strings\/ru\.json: sentences\.previewOf holds \{nam\}; it can hold \{name\}\.$/,
      /^strings\/ru\.json: sentences\.opne is nothing Herald knows\.$/,
      /^strings\/zh\.json is no JSON/,
      /^strings\/xx\.json: locale: must be a language tag/,
      /^strings\/xx\.json: labels: /,
    ]) {
      expect(faults).toContainEqual(expect.stringMatching(fault))
    }
  })

  test('that cannot be read are a fault as well', async () => {
    expect(faultsOf(join(folder, 'none'))).toEqual([
      expect.stringMatching(/none cannot be read as a folder of templates \(ENOENT\)\.$/),
    ])
    await writeFile(join(folder, 'failed.txt'), Buffer.from([0xff, 0xfe]))
    expect(faultsOf(folder)).toEqual(['failed.txt cannot be read (it is no UTF-8).'])
  })

  test('with faults keep the notifier from starting, which says why', async () => {
    await put({ 'failed.txt': '{{wrng}}', 'digest.txt': '{{#files}}' })
    const start = startNotifier({
      HERALD_DATA: join(folder, 'data'),
      HERALD_BROKER: `embedded:${join(folder, 'broker')}`,
      HERALD_TEMPLATES: folder,
    })
    await expect(start).rejects.toThrow(
      /2 faults:.*digest\.txt, line 1: Unclosed section.*failed\.txt, line 1: \{\{wrng\}\} is nothing/s,
    )
  })
})

test('the documentation tells of every name that a template can use, and all are there', async () => {
  const docs = await readFile(new URL('../../docs/mail.md', import.meta.url), 'utf8')
  const told = new Set([...docs.matchAll(/`(\w+)`/g)].map(([, name]) => name))
  const names = (view: View): string[] =>
    Object.entries(view).flatMap(([name, value]) => {
      if (name === 't') return []
      const within = Array.isArray(value)
        ? value
        : typeof value === 'object' && value
          ? [value]
          : []
      return [name, ...within.flatMap((each: View) => names(each))]
    })
  const voice = loadTemplates(undefined).voices.get('en') as Voice
  const used = new Set(
    everyLetter().flatMap(({ events }) => names(draftOf(events, voice, false).view)),
  )
  expect(used.size).toBeGreaterThan(40)
  expect([...used].filter((name) => !told.has(name))).toEqual([])
})

test('a language that there is none of is refused', () => {
  expect(() => openLetters({ language: 'tlh' })).toThrow(
    /HERALD_LANGUAGE=tlh is none of the languages there are: en, ru, zh/,
  )
})

test('the version changes with any file, and with nothing else', async () => {
  const shipped = openLetters().templateFor(events)
  expect(openLetters({ templates: folder }).templateFor(events)).toBe(shipped)
  await cp(join(shippedFolder, 'parts/foot.txt'), join(folder, 'parts/foot.txt'))
  expect(openLetters({ templates: folder }).templateFor(events)).toBe(shipped)
  await put({ 'parts/foot.txt': 'bye' })
  expect(openLetters({ templates: folder }).templateFor(events)).not.toBe(shipped)
})

test('a letter is written again as it was when its templates were replaced meanwhile', async () => {
  const archive = join(folder, 'archive')
  const templates = await put({ 'own/converted.html': 'first {{heading}}' }).then((at) =>
    join(at, 'own'),
  )
  const before = openLetters({ templates, archive })
  const template = before.templateFor(events)
  const letter = before.composeLetter(events, { template })
  expect(letter.html).toBe('first harbour-at-dusk.jpg is ready')

  await put({ 'own/converted.html': 'second {{heading}}' })
  const after = openLetters({ templates, archive, language: 'ru' })
  expect(after.composeLetter(events, { template })).toEqual(letter)
  expect(after.composeLetter(events, { template: after.templateFor(events) }).html).toBe(
    'second Файл harbour-at-dusk.jpg готов',
  )
  // Kept nowhere, as of a version before templates were files: it is written as all are now.
  expect(after.composeLetter(events, { template: '1/en' }).html).toMatch(/^second .* is ready$/)
})
