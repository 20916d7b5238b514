import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HeraldError } from '@herald/proto/errors'
import { describe, expect, test } from 'vitest'
import { ForbiddenError } from '../src/web/guard.js'
import { TooManyError } from '../src/web/limits.js'
import { conversionPage } from '../src/web/pages/conversion-page.js'
import { row } from '../src/web/pages/row.js'
import { errorSentence } from '../src/web/pages/small-pages.js'
import { viewFor } from '../src/web/pages/view.js'
import type { ConversionRecord, MailOutcome } from '../src/web/record.js'
import { languages, wordsOf } from '../src/web/words.js'

const announcement = {
  ...{ entryId: 'e', eventId: 'v', keptAtMs: 1, publishedAtMs: 0 },
  lastFault: '',
}
const record: ConversionRecord = {
  ...{ token: 't', owner: 'o', conversionId: 'c', runToken: 'r', runId: 'r', key: 'k' },
  holder: 'i',
  ...{ name: 'harbour.png', target: 'webp', recipient: 'ada@example.com', language: 'en' },
  ...{ traceparent: '', createdAtMs: 1, updatedAtMs: 1, state: 'converted' },
  finishedAtMs: Date.UTC(2026, 10, 28, 14, 3),
  ...{ source: null, files: [], stripped: [], conversionMs: 1, preview: null, fault: null },
  announcement,
}

function pagesOf(changes: Partial<ConversionRecord>, mail?: MailOutcome, language = 'en') {
  const rest = { asset: (name: string) => name, keepMs: 3_600_000, now: Date.now }
  const view = viewFor(language, rest)
  const changed = { ...record, ...changes, mail }
  return [row(changed, view).text, conversionPage(view, changed, undefined)].map((html) =>
    html.replace(/<head>.*<\/head>/s, '').replace(/<[^>]*>/g, ''),
  )
}

describe('the state of an e-mail on the page', () => {
  test('that is not sent yet does not read as sent', () => {
    for (const state of [
      { publishedAtMs: 0 },
      { publishedAtMs: 2 },
      { publishedAtMs: 0, lastFault: 'HERALD_BROKER kafka-1:9092 refused' },
    ]) {
      for (const html of pagesOf({ announcement: { ...announcement, ...state } })) {
        expect(html).toMatch(/E-mail to ada@example\.com: (waiting to be sent|being sent)/)
        expect(html).not.toMatch(/mailed|sent to|✓/i)
      }
    }
  })

  test('names no partition, no offset, no variable and no host of the operator', () => {
    const published = { publishedAtMs: 2 }
    const waiting = { lastFault: 'HERALD_BROKER kafka-1:9092 refused' }
    for (const language of languages) {
      for (const state of [published, waiting]) {
        const pages = pagesOf(
          { announcement: { ...announcement, ...state } },
          undefined,
          language,
        ).join()
        expect(pages).not.toMatch(/HERALD_|kafka|partition|offset|раздел|смещение|分区|偏移/i)
      }
    }
  })

  test('is its state in the end, with the server’s reply or the reason', () => {
    const of = (state: MailOutcome['state'], reply: string) =>
      pagesOf({}, { state, reply, attempts: 1, atMs: Date.UTC(2026, 10, 28, 14, 4) })[1]
    expect(of('mailed', '250 ok')).toMatch(/sent to ada.*Reply of the mail server: 250 ok/s)
    expect(of('given up', '550 no')).toMatch(/ada@example.com: not delivered.*Reason: 550 no/s)
    expect(of('uncertain', 'gone')).toMatch(/ada@example.com: delivery not confirmed/)
  })
})

test('only an empty result is 100% smaller than its source', () => {
  const source = { format: 'bmp', sizeBytes: 18_000_000 } as ConversionRecord['source']
  const files = [
    { name: 'harbour.webp', format: 'webp', sizeBytes: 42_000 },
  ] as unknown as ConversionRecord['files']
  expect(pagesOf({ source, files })[0]).toContain('99% smaller')
})

test('a time is written day first, with the month as a word, and carries its instant', () => {
  const view = viewFor('en', { asset: String, keepMs: 0, now: Date.now })
  const html = conversionPage(view, record, undefined)
  expect(html).toMatch(/<time datetime="2026-11-28T14:03:00.000Z">28 November at \d\d:\d\d/)
})

test('an error for operators and callers of the CLI is shown without their variables and options', () => {
  const fault = (remedy: string) => ({ code: 'HERALD_TOO_MANY_BYTES', message: 'Too big.', remedy })
  const [html] = pagesOf({ state: 'failed', fault: fault('Have HERALD_MAX_BYTES raised.') })
  expect(html).toContain('Too big.')
  expect(html).not.toContain('HERALD_')
  expect(pagesOf({ state: 'failed', fault: fault('Try --page 3.') })[0]).not.toContain('--page')
  expect(pagesOf({ state: 'failed', fault: fault('Make it smaller.') })[0]).toContain('smaller.')
})

test('too many files: the message has the time to wait', () => {
  for (const language of languages) {
    const view = viewFor(language, { asset: String, keepMs: 0, now: Date.now })
    expect(errorSentence(view, new TooManyError('Too many.', 43 * 60_000))).toContain('43')
    expect(errorSentence(view, new HeraldError('HERALD_BUSY', 'Busy.'))).not.toContain('43')
  }
})

test('a request from another site is not called a wrong address', () => {
  for (const language of languages) {
    const view = viewFor(language, { asset: String, keepMs: 0, now: Date.now })
    expect(errorSentence(view, new ForbiddenError())).toBe(wordsOf(language).otherSite)
  }
})

test('every language has every text, with the same places to fill in', () => {
  const places = (value: unknown): unknown =>
    typeof value === 'string'
      ? (value.match(/\{\w+\}/g) ?? []).toSorted()
      : Object.fromEntries(
          Object.entries(value as object).map(([key, each]) => [key, places(each)]),
        )
  const { errors: _, ...english } = wordsOf('en')
  for (const language of languages) {
    const { errors, ...words } = wordsOf(language)
    expect(places(words)).toEqual(places(english))
    for (const code of Object.keys(wordsOf('en').errors)) expect(errors).toHaveProperty(code)
  }
})

test('every text of the page is used by a page or a script', () => {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const sources = ['src/web', 'web'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.[jt]s$/.test(name) && !name.startsWith('words'))
      .map((name) => readFileSync(join(root, folder, name), 'utf8')),
  )
  const code = sources.join('\n')
  const isUsed = (object: string, name: string) =>
    new RegExp(`\\b${object}\\.${name}\\b`).test(code) ||
    // `const { name } = words`, `({ name }: Words)`
    new RegExp(
      `\\{[^{}]*\\b${name}\\b[^{}]*\\}(: ${titled(object)}| = [\\w.]*\\b${object})\\b`,
    ).test(code)
  const { live, ...words } = wordsOf('en')
  const unused = [
    ...Object.keys(words).filter((name) => !isUsed('words', name)),
    ...Object.keys(live).filter((name) => !isUsed('live', name)),
  ]
  expect(unused).toEqual([])
  expect(isUsed('words', 'nowhere')).toBe(false)
})

const titled = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
