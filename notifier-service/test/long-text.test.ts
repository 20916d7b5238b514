import { fromMessage } from '@herald/broker/message'
import type { HeraldEvent } from '@herald/proto/events'
import { afterEach, expect, test, vi } from 'vitest'
import { composeMail } from '#src/mail/compose'
import { createMailWriter } from '#src/mail/mail-writer'
import { loadTemplates } from '#src/mail/templates'
import { visible } from '#src/mail/visible-text'
import { recipientOf } from '#src/recipient'
import { message } from './publish.js'
import { fileConverted } from './sample-events.js'

afterEach(() => void vi.restoreAllMocks())

// What takes longer the longer the text: counted, since a loaded machine makes any clock wrong.
function countWork() {
  const segment = vi.spyOn(Intl.Segmenter.prototype, 'segment')
  const normalize = vi.spyOn(String.prototype, 'normalize')
  return () =>
    segment.mock.calls.reduce((units, [text]) => units + text.length, 0) +
    normalize.mock.contexts.reduce<number>((units, text) => units + String(text).length, 0)
}

const kinds: readonly (readonly [string, string])[] = [
  ['ASCII', 'a'],
  ['umlauts', 'ö'],
  ['marks in the wrong order', '\u0301\u0316'],
  ['families', '👩‍👩‍👧‍👦'],
  ['halves of pairs', '\ud83d'],
  ['Arabic', 'م'],
  ['blanks', ' '],
  ['line breaks', '\n'],
  ['at signs', 'a@'],
  ['encoded words', '=?'],
]

const converted = (text: string): HeraldEvent => {
  const rendition = { mediaType: text, name: text, sha256: text, sizeBytes: 5 }
  return fileConverted({
    conversionId: text,
    source: { ...rendition, mediaType: `image/${text}` },
    renditions: [
      { ...rendition, path: `/${text}` },
      { ...rendition, url: `https://example.com/${text}` },
    ],
    stripped: [text],
    host: text,
    pageUrl: `https://example.com/${text}`,
    recipient: { address: 'ada@example.com', language: text },
    preview: null,
  })
}
const failed = (text: string): HeraldEvent => ({
  type: 'herald.conversion.failed.v1',
  data: {
    ...{ conversionId: text, fileName: text, message: text, remedy: text, code: text },
    formats: [text],
    pageUrl: text,
    recipient: { address: 'ada@example.com', language: text },
  },
})

test.each(kinds)(
  'the work for a mail does not grow with the length of its texts: %s',
  (_, unit) => {
    const writer = createMailWriter(loadTemplates(undefined))
    const work = [20_000, 80_000].map((length) => {
      const text = unit.repeat(Math.ceil(length / unit.length))
      const events = [converted(text), failed(text)].map((event) => fromMessage(message(event)))
      const counted = countWork()
      const mails = [...events.map((event) => [event]), events].map((each) =>
        composeMail(writer, each, {
          ...{ from: 'herald@example.com', to: 'ada@example.com', messageId: '<1@example.com>' },
          language: writer.languageFor(each),
        }),
      )
      const units = counted()
      vi.restoreAllMocks()
      return { units, bytes: mails.reduce((sum, { length }) => sum + length, 0) }
    })
    const [short, long] = work
    expect(long?.units).toBeLessThanOrEqual((short?.units ?? 0) * 1.01)
    expect(long?.bytes).toBeLessThanOrEqual((short?.bytes ?? 0) * 1.01)
  },
)

test.each(kinds)('a shortened text keeps its beginning and its end: %s', (_, unit) => {
  const text = `start${unit.repeat(5000)}the.end`
  const shown = visible(text, 40)
  expect(shown.replace(/^\u2068/, '')).toMatch(/^start/)
  expect(shown.replace(/\u2069$/, '')).toMatch(/the\.end$/)
  expect([...new Intl.Segmenter().segment(shown)].length).toBeLessThanOrEqual(40)
})

test('an address that is too long is refused', () => {
  const event = fileConverted({ recipient: { address: `ada@${'ö.'.repeat(100_000)}` } })
  const { event: received } = fromMessage(message(event))
  expect(recipientOf(received, '')).toEqual({
    problem: 'The recipient is longer than an e-mail address can be.',
  })
})
