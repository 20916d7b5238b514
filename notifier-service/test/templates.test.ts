import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ConfigurationError } from '@herald/runtime'
import PostalMime from 'postal-mime'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { composeMail } from '#src/mail/compose'
import { draftOf } from '#src/mail/mail-draft'
import { createMailWriter } from '#src/mail/mail-writer'
import { sampleMails } from '#src/mail/sample-mails'
import { shippedFolder } from '#src/mail/template-files'
import { loadTemplates } from '#src/mail/templates'
import type { View, Wording } from '#src/mail/view'
import { startNotifier } from './notifier-process.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-templates-'))
})
afterEach(() => rm(folder, { recursive: true }))

const [sample] = sampleMails()
const events = sample?.events ?? []

function write(templates: string) {
  return createMailWriter(loadTemplates(templates)).write(events, { language: 'en' })
}

const sourceIn = ({ event: { data } }: (typeof events)[number]) =>
  'source' in data ? data.source : undefined

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

function errorsOf(templates: string): readonly string[] {
  try {
    loadTemplates(templates)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.errors
    throw error
  }
}

describe("an operator's templates", () => {
  test('replace those of Herald file by file, whatever other files are in the folder', async () => {
    const templates = await put({
      'converted.txt': 'Hello! {{heading}}.\n',
      'README.md': 'ours',
      '.git/config.json': '',
    })
    const { text, html } = write(templates)
    expect(text).toBe('Hello! harbour-at-dusk.jpg is ready.\n')
    expect(html).toContain('<h1')
  })

  test('may bring a language and parts of their own', async () => {
    const templates = await put({
      'strings/de.json': await phrases('en', (file) => {
        file.locale = 'de'
        file.sentences.convertedHeading = '{name} ist fertig'
      }),
      'converted.txt': '{{> greeting}}',
      'parts/greeting.txt': '{{heading}}: {{after.size}}',
    })
    const writer = createMailWriter(loadTemplates(templates), 'de')
    expect(writer.languageFor(events)).toBe('de')
    expect(writer.write(events, { language: 'de' }).text).toBe(
      'harbour-at-dusk.jpg ist fertig: 185 kB\n',
    )
  })

  test('of 0.1.0 still work with the names they had then', async () => {
    const templates = await put({
      'converted.txt': '{{glance}}|{{#files}}{{#place}}{{said}} {{path}}{{/place}}{{/files}}',
    })
    expect(write(templates).text).toBe(
      'WebP, 185 kB (−85%)|Saved on workshop: /home/ada/pictures/harbour-at-dusk.webp\n',
    )
  })

  test.each([
    ['a value in HTML', 'converted.html', '{{heading}}', '&lt;b&gt;&amp;&quot;.jpg is ready'],
    ['a value in text', 'converted.txt', '{{heading}}', '<b>&".jpg is ready'],
  ])('escape %s as its kind needs', async (_, name, template, expected) => {
    const templates = await put({ [name]: template })
    const named = events.map((each) => ({
      ...each,
      event: {
        ...each.event,
        data: { ...each.event.data, source: { ...sourceIn(each), name: '<b>&".jpg' } },
      },
    })) as unknown as typeof events
    const { html, text } = createMailWriter(loadTemplates(templates)).write(named, {
      language: 'en',
    })
    expect(name.endsWith('.html') ? html : text.trim()).toBe(expected)
  })

  test('have every error named at once, with its file and line', async () => {
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
    const errors = errorsOf(templates)
    for (const pattern of [
      /^convertd\.html is not a template/,
      /^converted\.html, line 3: Unclosed section "picture"\.$/,
      /^converted\.txt, line 1: \{\{customer\}\} is unknown; known here: .*heading/,
      /^converted\.txt, line 2: \{\{nmae\}\} is unknown; known here: name, /,
      /^converted\.txt, line 2: \{\{t\.helo\}\}: labels\.helo is missing in strings\/en\.json\.$/,
      /^converted\.txt, line 2: \{\{> logo\}\} needs the file parts\/logo\.txt\.$/,
      /^failed\.html, line 1: \{\{\{wrong\}\}\} would not be escaped\. Write \{\{wrong\}\}\.$/,
      /^failed\.html, line 1: \{\{\{remedy\}\}\} would not be escaped/,
      /^failed\.html, line 1: \{\{constructor\}\} is unknown/,
      /^digest\.txt: a part contains itself\.$/,
      /^strings\/ru\.json: sentences\.pages lacks the plural form "few"\.$/,
      /^strings\/ru\.json: sentences\.open is missing\.$/,
      /^strings\/ru\.json: errors\.HERALD_BUSY is missing\.$/,
      /^strings\/ru\.json: sentences\.previewOf contains \{nam\}; it can contain \{name\}\.$/,
      /^strings\/ru\.json: sentences\.opne is unknown\.$/,
      /^strings\/zh\.json is not JSON/,
      /^strings\/xx\.json: locale: must be a language tag/,
      /^strings\/xx\.json: labels: /,
    ]) {
      expect(errors).toContainEqual(expect.stringMatching(pattern))
    }
  })

  test('that cannot be read are an error', async () => {
    expect(errorsOf(join(folder, 'none'))).toEqual([
      expect.stringMatching(/none cannot be read as a folder of templates \(ENOENT\)\.$/),
    ])
    await writeFile(join(folder, 'failed.txt'), Buffer.from([0xff, 0xfe]))
    expect(errorsOf(folder)).toEqual(['failed.txt cannot be read (not UTF-8).'])
  })

  test('with errors keep the notifier from starting, which says why', async () => {
    await put({ 'failed.txt': '{{wrng}}', 'digest.txt': '{{#files}}' })
    const start = startNotifier({
      HERALD_DATA: join(folder, 'data'),
      HERALD_BROKER: `embedded:${join(folder, 'broker')}`,
      HERALD_TEMPLATES: folder,
    })
    await expect(start).rejects.toThrow(
      /2 errors:.*failed\.txt, line 1: \{\{wrng\}\} is unknown.*digest\.txt, line 1: Unclosed section/s,
    )
  })
})

test('docs/mail.md names everything that a template can use', async () => {
  const docs = await readFile(new URL('../../docs/mail.md', import.meta.url), 'utf8')
  const documented = new Set([...docs.matchAll(/`(\w+)`/g)].map(([, name]) => name))
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
  const wording = loadTemplates(undefined).wordings.get('en') as Wording
  const used = new Set(
    sampleMails().flatMap(({ events }) => names(draftOf(events, wording, false).view)),
  )
  expect(used.size).toBeGreaterThan(40)
  expect([...used].filter((name) => !documented.has(name))).toEqual([])
})

test('an unknown HERALD_LANGUAGE is a configuration error', () => {
  expect(() => createMailWriter(loadTemplates(undefined), 'tlh')).toThrow(
    'Invalid HERALD_LANGUAGE "tlh": expected one of en, ru, zh.',
  )
})

test('a mail in a language that is no longer there is written in the default one', () => {
  const writer = createMailWriter(loadTemplates(undefined), 'ru')
  expect(writer.write(events, { language: 'de' })).toMatchObject({
    language: 'ru',
    subject: expect.stringContaining('готово'),
  })
})

test('a mail is sent again with the templates of today, and the same Message-ID and Date', async () => {
  const headers = { from: 'h@example.org', to: 'ada@example.com', messageId: '<1@example.org>' }
  const compose = (templates: string | undefined) =>
    composeMail(createMailWriter(loadTemplates(templates)), events, { ...headers, language: 'en' })
  const before = await PostalMime.parse(compose(undefined))
  const after = await PostalMime.parse(compose(await put({ 'converted.txt': 'new {{heading}}' })))
  expect(after.text?.trim()).toBe('new harbour-at-dusk.jpg is ready')
  const { messageId, date, to, subject } = before
  expect(after).toMatchObject({ messageId, date, to, subject })
})
