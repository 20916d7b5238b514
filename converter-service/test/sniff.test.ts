import { describe, expect, test } from 'vitest'
import { sniff, sniffBytes } from '#src/sniff/sniff'
import { sources } from './pictures.js'

const made = await sources()

test.each(Object.keys(made))('%s is detected from its bytes', async (name) => {
  const head = (made[name] as Buffer).subarray(0, sniffBytes)
  expect(await sniff(head)).toEqual({ kind: 'format', name })
})

describe('SVG', () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>'
  test.each([
    ['plain', svg],
    ['after a byte order mark', `\ufeff${svg}`],
    ['after an XML declaration', `<?xml version="1.0" encoding="UTF-8"?>\n${svg}`],
    ['after comments and space', `\n  <!-- made by > hand --> <!---->\n${svg}`],
    [
      'after a document type',
      `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">${svg}`,
    ],
    ['after a document type of its own', `<!DOCTYPE svg [<!ENTITY a "b>">]>${svg}`],
    ['after a style sheet', `<?xml-stylesheet href="x.css"?>${svg}`],
    ['with a prefix', '<s:svg xmlns:s="http://www.w3.org/2000/svg"/>'],
  ])('%s', async (_what, text) => {
    expect(await sniff(Buffer.from(text))).toEqual({ kind: 'format', name: 'svg' })
  })

  test('in UTF-16', async () => {
    const bytes = Buffer.from(`\ufeff${svg}`, 'utf16le')
    expect(await sniff(bytes)).toEqual({ kind: 'format', name: 'svg' })
  })

  test.each([
    ['an HTML page with a drawing in it', `<!DOCTYPE html><html>${svg}</html>`],
    ['an element that only begins like it', '<svgx/>'],
    ['text about it', `see ${svg}`],
  ])('is not %s', async (_what, text) => {
    expect(await sniff(Buffer.from(text))).not.toMatchObject({ name: 'svg' })
  })

  test('is detected in linear time for any text', async () => {
    const before = process.cpuUsage()
    for (const part of ['<!-- ', '<?', '<!DOCTYPE [', ' ', '<!DOCTYPE x', '<!---->']) {
      await sniff(Buffer.from(part.repeat(sniffBytes / part.length)))
    }
    // Processor time: a loaded machine does not change it.
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2000)
  })
})

test.each([
  ['\xff\x0a\0\0\0\0\0\0', 'a JPEG XL picture'],
  ['\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'an MP4 video'],
  ['\x1f\x8b\x08\0', 'a gzip archive'],
  ['MZ\x90\0', 'a Windows program'],
])('%j is described as %s', async (start, called) => {
  const bytes = Buffer.concat([Buffer.from(start, 'latin1'), Buffer.alloc(600)])
  expect(await sniff(bytes)).toEqual({ kind: 'other', description: called })
})

test.each([
  ['at once', ''],
  ['after what a mail program put before it', `Return-Path: <a@example.com>\n${' '.repeat(900)}\n`],
])('a PDF is detected by its header %s', async (_where, before) => {
  expect(await sniff(Buffer.from(`${before}%PDF-1.7\n`))).toEqual({ kind: 'format', name: 'pdf' })
})

test.each([
  ['\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'heic'],
  ['\0\0\0\x18ftypmif1\0\0\0\0mif1heic', 'heic'],
  [`BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0`, 'bmp'],
  ['BM', 'bmp'],
  ['\0\0\x01\0\x01\0', 'ico'],
])('%j is detected as %s', async (start, name) => {
  expect(await sniff(Buffer.from(start, 'latin1'))).toEqual({ kind: 'format', name })
})

test.each([
  ['nothing', ''],
  ['zeros', '\0'.repeat(100)],
  ['text with a bell in it', 'hello\x07'],
  ['nothing but space', ' \n\t'],
])('%s is unknown', async (_what, text) => {
  expect(await sniff(Buffer.from(text))).toEqual({ kind: 'unknown' })
})

test.each([
  ['hello', 'notes', 'text'],
  ['BMW builds cars, and has done so for a while.', 'bmw.bmp', 'text'],
  ['# Title', 'README.md', 'markdown'],
  ['a,b', 'table.CSV', 'csv'],
  ['# Title', 'picture.png', 'text'],
  ['<!DOCTYPE html><p>x', 'page.md', 'html'],
  ['<!-- so -->\n<html lang="en">', '', 'html'],
  ['<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"/>', '', 'html'],
  ['{\\rtf1 x}', 'x.txt', 'rtf'],
])(
  'the text %j named %j is %s: only among texts does the name count',
  async (text, name, format) => {
    expect(await sniff(Buffer.from(text), name)).toEqual({ kind: 'format', name: format })
  },
)

test('text may be cut off within a character by the end of the head', async () => {
  const head = Buffer.from('ä'.repeat(100)).subarray(0, 151)
  expect(await sniff(head)).toEqual({ kind: 'format', name: 'text' })
})

test('text in Latin-1 is text', async () => {
  expect(await sniff(Buffer.from('Gr\xfc\xdfe', 'latin1'))).toEqual({
    kind: 'format',
    name: 'text',
  })
})

describe('zero bytes', () => {
  test.each([
    ['before a control character', 'hello\0\x01'],
    ['between ASCII strings', 'usr\0bin\0lib\0etc\0'],
    ['after words', 'configure\0compile\0install\0'],
  ])('%s are not text', async (_what, bytes) => {
    expect(await sniff(Buffer.from(bytes), 'a.txt')).not.toMatchObject({ kind: 'format' })
  })

  test.each([
    ['Western', 'and so on… “Grüße”'],
    ['Russian', 'Привет, мир. Это текст.\n'],
    ['Chinese', '你好 世界\n这是 文本 文件\n'],
    ['Korean', '안녕하세요 세계\n'],
  ])('%s text has them in UTF-16 without a mark', async (_what, text) => {
    const bytes = Buffer.from(text, 'utf16le')
    expect(await sniff(bytes, 'a.txt')).toEqual({ kind: 'format', name: 'text' })
    expect(await sniff(bytes.swap16(), 'a.txt')).toEqual({ kind: 'format', name: 'text' })
  })
})
