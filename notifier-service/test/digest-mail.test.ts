import { fromMessage, type ReceivedEvent, toMessage } from '@herald/broker/message'
import { errorTable } from '@herald/proto/errors'
import { eventTypes, type FileConverted, type HeraldEvent } from '@herald/proto/events'
import PostalMime from 'postal-mime'
import { expect, test } from 'vitest'
import { composeMail } from '#src/mail/compose'
import { bestLanguage, createMailWriter } from '#src/mail/mail-writer'
import { loadTemplates } from '#src/mail/templates'
import { uuidv7 } from './publish.js'
import { fileConverted, tinyPng } from './sample-events.js'

const writer = createMailWriter(loadTemplates(undefined))
const start = Date.UTC(2026, 2, 14, 9)

let count = 0
function received(event: HeraldEvent): ReceivedEvent {
  const time = new Date(start + count++)
  return fromMessage(toMessage({ id: uuidv7(), source: '//test', time }, event))
}

const { data } = fileConverted() as { data: FileConverted }

const ready = (name: string, changes: Partial<FileConverted> = {}) =>
  received(fileConverted({ source: { ...data.source, name }, ...changes }))

function failed(fileName: string, code = 'HERALD_CORRUPT_FILE', language = 'en'): ReceivedEvent {
  return received({
    type: eventTypes.conversionFailed,
    data: {
      conversionId: uuidv7(),
      runId: uuidv7(),
      fileName,
      formats: ['webp'],
      code,
      message: `The ${code} of it.`,
      remedy: `Mend ${code}.`,
      failedAtUnixMs: start,
      recipient: { address: 'ada@example.com', language },
    },
  })
}

async function mailOf(events: readonly ReceivedEvent[], withoutPreview = false) {
  const bytes = await composeMail(writer, events, {
    from: 'Herald <herald@example.org>',
    to: 'ada@example.com',
    messageId: '<digest@example.org>',
    language: writer.languageFor(events),
    withoutPreview,
  })
  return { bytes, ...(await PostalMime.parse(bytes)) }
}

test('several files of one person are in one mail, failures first', async () => {
  const mail = await mailOf([ready('one.jpg'), failed('bad.jpg'), ready('two.jpg')])
  expect(mail.subject).toBe(
    '2 files are ready, 1 file could not be converted: 2.5 MB → 369 kB (−85%)',
  )
  for (const part of [mail.text ?? '', mail.html ?? '']) {
    expect(part).toMatch(/bad\.jpg.*The HERALD_CORRUPT_FILE of it\..*one\.jpg.*two\.jpg/s)
    expect(part).toContain('Mend HERALD_CORRUPT_FILE.')
    expect(part).toContain('/home/ada/pictures')
    expect(part).toContain('workshop')
  }
})

test('it has the ids of all its events, and its bytes do not depend on their order', async () => {
  const events = Array.from({ length: 200 }, (_, index) => ready(`${index}.jpg`))
  const mail = await mailOf(events)
  const ids = mail.headers.find(({ key }) => key === 'x-herald-event')?.value.split(/\s+/)
  expect(ids).toEqual(events.map(({ envelope }) => envelope.id))
  const shuffled = [...events.slice(70), ...events.slice(0, 70)].reverse()
  expect((await mailOf(shuffled)).bytes.equals(mail.bytes)).toBe(true)
  for (const line of mail.bytes.toString('latin1').split('\r\n')) {
    expect(line.length).toBeLessThanOrEqual(998)
  }
})

test('it lists thirty files, the number of the others, and the total', async () => {
  const events = [
    ...Array.from({ length: 150 }, (_, index) => ready(`ready-${index}.jpg`)),
    ...Array.from({ length: 50 }, (_, index) => failed(`bad-${index}.jpg`)),
  ]
  const mail = await mailOf(events)
  expect(mail.subject).toMatch(/^150 files are ready, 50 files could not be converted: 185 MB →/)
  for (const part of [mail.text ?? '', mail.html ?? '']) {
    expect(part.match(/bad-\d+\.jpg/g)).toHaveLength(20)
    expect(part).toContain('and 30 more files')
    expect(part.match(/ready-\d+\.jpg(?!")/g)?.length).toBeGreaterThanOrEqual(10)
    expect(part).toContain('and 140 more files')
    // One reason is given once, however many failed for it.
    expect(part.match(/Mend HERALD_CORRUPT_FILE/g)).toHaveLength(1)
  }
  // Some readers of mail cut what is longer.
  expect(mail.html?.length).toBeLessThan(100_000)
})

test('its pictures are limited in number and size, and omitted for a server that refused the size', async () => {
  const preview = (kilobytes: number) => ({
    preview: {
      mediaType: 'image/png',
      data: Buffer.concat([tinyPng, Buffer.alloc(kilobytes * 1024)]),
      width: 320,
      height: 200,
    },
  })
  const events = [60, 50, 20, 10, 1, 1].map((size, index) => ready(`${index}.jpg`, preview(size)))
  const mail = await mailOf(events)
  const sizes = mail.attachments.map(({ content }) => (content as ArrayBuffer).byteLength >> 10)
  expect(sizes).toEqual([60, 20, 10, 1])
  const shown = [...(mail.html ?? '').matchAll(/src="cid:([^"]+)"/g)].map(([, cid]) => `<${cid}>`)
  expect(shown).toEqual(mail.attachments.map(({ contentId }) => contentId))
  const smaller = await mailOf(events, true)
  expect(smaller.attachments).toEqual([])
  expect(smaller.html).not.toContain('cid:')
})

test('a run of failures alone has its own subject', async () => {
  const mail = await mailOf([failed('a.jpg'), failed('b.pdf', 'HERALD_LOCKED_FILE')])
  expect(mail.subject).toBe('2 files could not be converted')
  expect(mail.text).toMatch(/a\.jpg.*Mend HERALD_CORRUPT_FILE.*b\.pdf.*Mend HERALD_LOCKED_FILE/s)
  expect(mail.text).not.toContain('→')
})

test('a single page is not compared to its document', async () => {
  const source = { ...data.source, name: 'report.pdf', pages: 3 }
  const mail = await mailOf([received(fileConverted({ source }))])
  expect(mail.subject).toBe('report.pdf is ready: WebP, 184 kB')
  expect(mail.html).not.toContain('smaller')
})

test.each([
  ['ru', 'ru', 'Файл поврежд'],
  ['ru-RU', 'ru', 'Файл поврежд'],
  ['zh-Hant-TW', 'zh', '文件已损坏'],
  ['EN_us', 'en-GB', 'The HERALD_CORRUPT_FILE of it.'],
  ['fr', 'en-GB', 'The HERALD_CORRUPT_FILE of it.'],
  ['"><script>', 'en-GB', 'The HERALD_CORRUPT_FILE of it.'],
])('to a reader of %s it is written in %s', async (language, locale, said) => {
  const mail = await mailOf([failed('a.jpg', 'HERALD_CORRUPT_FILE', language)])
  expect(mail.headers.find(({ key }) => key === 'content-language')?.value).toMatch(locale)
  expect(mail.html).toContain(
    `<html lang="${mail.headers.find(({ key }) => key === 'content-language')?.value}">`,
  )
  for (const part of [mail.text, mail.html]) {
    expect(part).toContain(said)
    // What the converter said itself is there in any language.
    expect(part).toContain('The HERALD_CORRUPT_FILE of it.')
  }
})

test('every error code has its sentence and its remedy in every language', async () => {
  for (const code of Object.keys(errorTable)) {
    for (const [language, script] of [
      ['ru', /^ {2}[\p{Script=Cyrillic}\p{P}\d\sA-Za-z-]+$/mu],
      ['zh', /\p{Script=Han}/u],
    ] as const) {
      const { text = '' } = await mailOf([failed('a.jpg', code, language)])
      expect(text, `${code} in ${language}`).toMatch(script)
      const lines = text.split('\n').filter((line) => /^ {2}\S/.test(line))
      expect(lines[0], code).not.toContain('HERALD')
      expect(lines[1], code).not.toContain('Mend')
    }
  }
})

test.each([
  ['zh-Hans-CN', 'zh'],
  ['pt', 'pt-BR'],
  ['pt-PT', 'pt-BR'],
  ['e', undefined],
  ['', undefined],
  ['de', undefined],
])('of en, zh and pt-BR, %s finds %s', (wanted, found) => {
  expect(bestLanguage(wanted, ['en', 'zh', 'pt-BR'])).toBe(found)
})

test('it is written in the language that most of the events name', async () => {
  const events = ['en', 'ru', '', 'ru', 'en', 'ru'].map((language) =>
    failed('a.jpg', 'HERALD_CORRUPT_FILE', language),
  )
  expect(writer.languageFor(events)).toBe('ru')
})
