import { fromMessage, toMessage } from '@herald/broker/message'
import {
  type ConversionFailed,
  eventTypes,
  type FileConverted,
  type HeraldEvent,
} from '@herald/proto/events'
import { encode, wrap } from 'nodemailer/lib/qp'
import PostalMime from 'postal-mime'
import { expect, test } from 'vitest'
import { composeMail, messageIdOf } from '#src/mail/compose'
import { createMailWriter } from '#src/mail/mail-writer'
import { textPart } from '#src/mail/mime'
import { sampleMails } from '#src/mail/sample-mails'
import { loadTemplates } from '#src/mail/templates'
import { uuidv7 } from './publish.js'
import { fileConverted, tinyPng } from './sample-events.js'

const time = new Date('2026-03-14T09:05:08Z')
const writer = createMailWriter(loadTemplates(undefined))

/** As it comes off the wire. */
function received(event: HeraldEvent, id = uuidv7(), source = '//test') {
  return fromMessage(toMessage({ id, source, time }, event))
}

async function compose(event: HeraldEvent, id = uuidv7()) {
  const read = received(event, id)
  const bytes = await composeMail(writer, [read], {
    from: 'Hérald <herald@example.org>',
    to: 'ada@example.com',
    messageId: messageIdOf(read.envelope, 'Hérald <herald@example.org>'),
    language: writer.languageFor([read]),
  })
  return { raw: bytes.toString('latin1'), bytes, ...(await PostalMime.parse(bytes)) }
}

function withNames(name: string): HeraldEvent {
  const { data } = fileConverted() as { data: FileConverted }
  return fileConverted({
    source: { ...data.source, name },
    renditions: [{ ...data.renditions?.[0], name: `${name}.webp`, path: `/home/ada/${name}.webp` }],
    host: name.slice(0, 20),
  })
}

const failed = (changes: Partial<ConversionFailed> = {}): HeraldEvent => ({
  type: eventTypes.conversionFailed,
  data: {
    conversionId: uuidv7(),
    runId: uuidv7(),
    fileName: 'holiday.heic',
    formats: ['webp', 'avif'],
    code: 'HERALD_UNSUPPORTED_FILE',
    message: 'This is an HEIC picture, which this server cannot read.',
    remedy: 'Save it as JPEG and send it again.',
    failedAtUnixMs: Date.UTC(2026, 2, 14, 9, 5, 7),
    recipient: { address: 'ada@example.com', language: 'en' },
    ...changes,
  },
})

test('both parts name source, result, saving and where the file is saved', async () => {
  const mail = await compose(fileConverted())
  expect(mail.subject).toBe('harbour.jpg is ready: WebP, 184 kB (−85%)')
  for (const part of [mail.text, mail.html]) {
    for (const text of [
      'harbour.webp',
      '184 kB',
      '1600 × 1200 px',
      '1.2 MB',
      '4032 × 3024 px',
      '85% smaller',
      'Saved on workshop:',
      '/home/ada/pictures/harbour.webp',
      '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae',
      'fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9',
      'Removed for privacy',
      '14 March 2026 at 09:05:07 UTC',
      '412 ms',
    ]) {
      expect(part).toContain(text)
    }
  }
  expect(mail.html).toMatch(/<img [^>]*src="cid:preview@herald"[^>]*alt="Preview of harbour.jpg"/)
  expect(mail.attachments).toMatchObject([
    { mimeType: 'image/png', disposition: 'inline', contentId: '<preview@herald>' },
  ])
  expect(Buffer.from(mail.attachments[0]?.content as ArrayBuffer)).toEqual(tinyPng)
})

test('has the headers of an automatic mail', async () => {
  const id = uuidv7()
  const mail = await compose(fileConverted(), id)
  expect(mail.messageId).toBe(`<${id}@example.org>`)
  expect(mail.date).toBe(time.toISOString())
  expect(mail.from).toEqual({ name: 'Hérald', address: 'herald@example.org' })
  expect(mail.to).toEqual([{ name: '', address: 'ada@example.com' }])
  expect(mail.headers).toContainEqual(
    expect.objectContaining({ key: 'auto-submitted', value: 'auto-generated' }),
  )
  // All would suppress bounces as well.
  expect(mail.headers).toContainEqual(
    expect.objectContaining({ key: 'x-auto-response-suppress', value: 'OOF, AutoReply' }),
  )
})

test('the same event gives the same bytes, another event does not', async () => {
  const id = uuidv7()
  const [one, other] = [await compose(fileConverted(), id), await compose(fileConverted(), id)]
  expect(one.bytes.equals(other.bytes)).toBe(true)
  expect((await compose(fileConverted())).bytes.equals(one.bytes)).toBe(false)
})

test.each([
  ['Herald <h@example.org>', 'Herald'],
  ['Herald v2.0, Inc. <h@example.org>', 'Herald v2.0, Inc.'],
  ['"Herald, Inc." <h@example.org>', 'Herald, Inc.'],
  [String.raw`"The \"Herald\"" <h@example.org>`, 'The "Herald"'],
  ['"Hérald, Inc." <h@example.org>', 'Hérald, Inc.'],
  ['A "Herald" <h@example.org>', 'A "Herald"'],
])('the sender %s is shown as %s', async (from, name) => {
  const read = received(fileConverted())
  const bytes = composeMail(writer, [read], {
    from,
    to: 'ada@example.com',
    messageId: messageIdOf(read.envelope, from),
    language: writer.languageFor([read]),
  })
  const mail = await PostalMime.parse(bytes)
  expect(mail.from).toEqual({ name, address: 'h@example.org' })
})

test('no file name can end a part of the mail, wherever its line is broken', async () => {
  const id = uuidv7()
  const { raw, text } = await compose(fileConverted(), id)
  const delimiters = (mail: string) => mail.split('\r\n').filter((line) => isDelimiter.test(line))
  const [, boundary = ''] = /boundary="([^"]+)"/.exec(raw) ?? []
  const isDelimiter = new RegExp(`^--${boundary}(--)?$`)
  expect(text).toContain('harbour.webp')
  const usual = delimiters(raw).length
  expect(usual).toBeGreaterThan(0)
  for (let before = 0; before <= 76; before += 1) {
    const hostile = await compose(withNames(`${'x'.repeat(before)}--${boundary}`), id)
    expect(delimiters(hostile.raw)).toHaveLength(usual)
  }
})

test('no line of the header is blank, however many blanks a name has', async () => {
  const fileName = `a${' '.repeat(77)}b`
  const { raw, subject } = await compose(failed({ fileName }))
  for (const line of raw.slice(0, raw.indexOf('\r\n\r\n')).split('\r\n')) {
    expect(line).toMatch(/\S/)
  }
  expect(subject).toContain(fileName)
})

test('every line is CRLF, 7 bits wide and short enough', async () => {
  const { raw } = await compose(withNames('港'.repeat(85)))
  for (const line of raw.split('\r\n')) {
    expect(line).not.toMatch(/[\r\n\x80-\xff]/)
    expect(line.length).toBeLessThanOrEqual(998)
  }
})

test.each(['en', 'ru', 'zh'])('every mail in "%s" is well-formed', async (language) => {
  const written = createMailWriter(loadTemplates(undefined), language)
  for (const { name, events } of sampleMails(tinyPng)) {
    const content = written.write(events, { language })
    const bytes = await composeMail(written, events, {
      from: 'Herald <herald@example.org>',
      to: 'ada@example.com',
      messageId: '<one@example.org>',
      language,
    })
    const raw = bytes.toString('latin1')
    for (const line of raw.split('\r\n')) {
      expect(line, name).not.toMatch(/[\r\n\x80-\xff]/)
      expect(line.length, name).toBeLessThanOrEqual(78)
    }
    const mail = await PostalMime.parse(bytes)
    expect(mail.subject, name).toBe(content.subject)
    expect(mail.subject, name).not.toMatch(/\p{Cc}/u)
    expect(mail.text?.replaceAll('\r\n', '\n').trim(), name).toBe(content.text.trim())
    expect(mail.html?.replaceAll('\r\n', '\n').trim(), name).toBe(content.html.trim())
    expect(mail.to).toEqual([{ name: '', address: 'ada@example.com' }])
    expect(mail.date).toMatch(/^2026-03-14T09:05:07/)
    const shown = [...content.html.matchAll(/src="([^"]*)"/g)].map(([, src]) => src)
    expect(shown).toEqual(mail.attachments.map(({ contentId }) => `cid:${contentId?.slice(1, -1)}`))
    // Nothing is fetched from anywhere: pictures come along, links wait to be followed.
    expect(content.html).not.toMatch(/url\(|@import|<link|<script|srcset/i)
  }
})

test.each([
  ['a line break and a header', '"; rm -rf ~\r\nBcc: eve@example.com .png'],
  ['markup', '<script>alert(1)</script>&amp;"\'<img src=x onerror=alert(1)>.png'],
  ['a changed direction', 'invoice\u202egpj.exe'],
  ['emoji', '👩‍👩‍👧‍👦 🏳️‍🌈 family.png'],
  ['Chinese', '港口的傍晚.jpg'],
  ['Arabic', 'ميناء.jpg'],
  ['255 bytes', `${'ö'.repeat(125)}.jpeg`],
  ['an encoded word', '=?utf-8?B?QmNjOiBldmVAZXhhbXBsZS5jb20=?='],
  ['a null and an escape', 'a\u0000b\u001b[31mred.png'],
])('a name of %s injects nothing and can be read', async (_, name) => {
  const mail = await compose(withNames(name))
  const head = mail.raw.slice(0, mail.raw.indexOf('\r\n\r\n'))
  expect(head.match(/^[A-Za-z-]+(?=:)/gm)?.sort()).toEqual([
    ...['Auto-Submitted', 'Content-Language', 'Content-Type', 'Date', 'From', 'MIME-Version'],
    ...['Message-ID', 'Subject', 'To', 'X-Auto-Response-Suppress', 'X-Herald-Event'],
  ])
  expect(mail.bcc).toBeUndefined()
  const shown = name.replace(/[\p{Cc}\u202e]/gu, '\ufffd')
  expect(mail.text).toContain(shown)
  expect(mail.html).toContain(
    shown.replace(
      /[&<>"']/g,
      (c) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": '#39' }[c]};`,
    ),
  )
  expect(mail.html).not.toMatch(/<script|<img src=x/)
  expect(mail.text?.replaceAll('\n', '')).not.toMatch(/[\u202a-\u202e\p{Cc}]/u)
  const letters = [...new Intl.Segmenter().segment(shown)].length
  if (letters <= 80) expect(mail.subject).toContain(shown)
  else expect(mail.subject).toMatch(/^.{60,}….{12} is ready/u)
})

test('only a web link becomes a link', async () => {
  const { data } = fileConverted() as { data: FileConverted }
  const { path: _, ...rendition } = data.renditions?.[0] ?? {}
  const at = (url: string) => compose(fileConverted({ renditions: [{ ...rendition, url }] }))
  const good = await at('https://herald.example/r/1?a=1&b="><script>')
  expect(good.html).toContain('href="https://herald.example/r/1?a=1&amp;b=%22%3E%3Cscript%3E"')
  expect(good.text).toContain('Download WebP: https://herald.example/r/1')
  for (const url of ['javascript:alert(1)', 'file:///etc/passwd', 'not a link']) {
    const mail = await at(url)
    expect(mail.html).not.toContain('href')
    expect(mail.html).not.toContain(url)
    expect(mail.text).not.toContain(url)
  }
})

test('several renditions are summed up in the subject', async () => {
  const { data } = fileConverted() as { data: FileConverted }
  const [first] = data.renditions ?? []
  const avif = { ...first, mediaType: 'image/avif', sizeBytes: 98_000 }
  expect((await compose(fileConverted({ renditions: [{ ...first }, avif] }))).subject).toBe(
    'harbour.jpg is ready: WebP 184 kB, AVIF 98 kB',
  )
  expect((await compose(fileConverted({ renditions: Array(5).fill(avif) }))).subject).toBe(
    'harbour.jpg is ready: 5 files, 490 kB',
  )
})

test('a preview that is not a picture is omitted', async () => {
  const preview = { mediaType: 'image/png', data: Buffer.from('<svg onload=alert(1)>') }
  const mail = await compose(fileConverted({ preview }))
  expect(mail.attachments).toEqual([])
  expect(mail.html).not.toContain('cid:')
})

test('a failed mail names the reason and the remedy', async () => {
  const mail = await compose(failed())
  expect(mail.subject).toBe('holiday.heic could not be converted')
  for (const part of [mail.text, mail.html]) {
    expect(part).toContain('This is an HEIC picture, which this server cannot read.')
    expect(part).toContain('Save it as JPEG and send it again.')
    expect(part).toContain('WebP and AVIF')
    expect(part).toContain('HERALD_UNSUPPORTED_FILE')
  }
  const hostile = await compose(
    failed({ fileName: '<b>\r\nBcc: eve@example.com', remedy: '', code: 'OTHER' }),
  )
  expect(hostile.bcc).toBeUndefined()
  expect(hostile.html).not.toContain('<b>')
  expect(hostile.html).not.toContain('What to do')
})

test('an id of another program gives a valid Message-ID', async () => {
  const mail = await compose(fileConverted(), 'order #7 <"äöü">')
  expect(mail.messageId).toMatch(/^<[0-9a-f]{64}@example\.org>$/)
})

test.each([
  'a = b, 50 % − ½ 😀 ünïcode',
  'blank at the end \ntwo  \ntab\t\n \n',
  'no line break at the end \t ',
  `${'long line, é '.repeat(40)}\u0000\u007f\ud800`,
])('quoted-printable is that of the whole text: %j', (text) => {
  expect(textPart('text/plain', text).body).toBe(wrap(encode(text.replaceAll('\n', '\r\n'))))
})
