import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { documentEngine } from '#src/engines/document'
import { prepareHtml, prepareMarkdown, prepareText } from '#src/engines/document/document-kinds'
import { prepareTable } from '#src/engines/document/table-sheet'
import { sniff, undecodableText } from '#src/sniff/sniff'
import { leftOut, print, wordsOf } from './printed.js'

const patienceMs = 60_000

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-texts-test-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function fileOf(bytes: Buffer): Promise<string> {
  const path = join(await mkdtemp(join(folder, 'file-')), 'source')
  await writeFile(path, bytes)
  return path
}

const crlf = (...lines: string[]) => lines.map((line) => `${line}\r\n`).join('')

/** Text in a code page of one byte a character. */
function inCodePage(text: string, characters: Readonly<Record<string, number>>): Buffer {
  return Buffer.from([...text].map((char) => characters[char] ?? char.charCodeAt(0)))
}
/** windows-1252, as far as it is used here; the other characters have the numbers of Unicode. */
const windows1252 = (text: string) =>
  inCodePage(text, { '€': 0x80, '…': 0x85, '“': 0x93, '”': 0x94, '–': 0x96 })
const cyrillic = 'АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя'
const windows1251 = (text: string) =>
  inCodePage(text, Object.fromEntries([...cyrillic].map((char, at) => [char, 0xc0 + at])))
const utf16le = (text: string) => Buffer.from(text, 'utf16le')
const utf16be = (text: string) => utf16le(text).swap16()

const table = (separator: string) =>
  crlf(
    ['Artikel', 'Preis', 'Ort'].join(separator),
    ['Äpfel', '1,50', 'Köln'].join(separator),
    ['Birnen, grün', '12,75', 'Düsseldorf'].join(separator),
  )
const german = [
  ['Artikel', 'Preis', 'Ort'],
  ['Äpfel', '1,50', 'Köln'],
  ['Birnen, grün', '12,75', 'Düsseldorf'],
]

const tables: Readonly<Record<string, [Buffer, string[][]]>> = {
  'semicolons, as Excel writes in Germany': [Buffer.from(table(';')), german],
  'semicolons and a byte order mark': [Buffer.from(`\ufeff${table(';')}`), german],
  'semicolons, in windows-1252': [windows1252(table(';')), german],
  "Excel's line that names the separator": [Buffer.from(`sep=|\r\n${table('|')}`), german],
  bars: [Buffer.from(table('|')), german],
  'tabs, in UTF-16 with a mark': [utf16le(`\ufeff${table('\t')}`), german],
  'tabs, in UTF-16 of the other order': [utf16be(`\ufeff${table('\t')}`), german],
  'tabs, in UTF-16 without a mark': [utf16le(table('\t')), german],
  'semicolons, in windows-1251': [
    windows1251(crlf('Товар;Цена', 'Яблоки;1,50')),
    [
      ['Товар', 'Цена'],
      ['Яблоки', '1,50'],
    ],
  ],
  'commas, and other separators in cells': [
    Buffer.from(crlf('name,price,note', '"Smith; Jones",1.50,"a, b"', 'plain;text,2.75,x')),
    [
      ['name', 'price', 'note'],
      ['Smith; Jones', '1.50', 'a, b'],
      ['plain;text', '2.75', 'x'],
    ],
  ],
  'commas in every number': [
    Buffer.from('a;1,50\nb;2,75\n'),
    [
      ['a', '1,50'],
      ['b', '2,75'],
    ],
  ],
  'a title and an empty line above it': [
    Buffer.from('Sales, 2024\n\nname;price\na;1,5\nb;2\n'),
    [['Sales, 2024'], [''], ['name', 'price'], ['a', '1,5'], ['b', '2']],
  ],
  'one column': [Buffer.from('name\nAda\nBob\n'), [['name'], ['Ada'], ['Bob']]],
  'what looks like numbers, dates and formulas': [
    Buffer.from('00123;4917484012345678901;=1+1\n1-2;+49 30 1;@SUM(1)\n'),
    [
      ['00123', '4917484012345678901', '=1+1'],
      ['1-2', '+49 30 1', '@SUM(1)'],
    ],
  ],
  'cells of several lines, spaces and characters of XML': [
    Buffer.from('a;"one\ntwo"\n<b>;" &  c "\n'),
    [
      ['a', 'one\ntwo'],
      ['<b>', ' &  c '],
    ],
  ],
}

/** The cells of the spreadsheet that a table becomes, row by row. */
async function cellsOf(bytes: Buffer, name: string): Promise<string[][]> {
  const path = await fileOf(bytes)
  await prepareTable({ path, format: 'csv', name }, `${path}.fods`)
  const xml = await readFile(`${path}.fods`, 'utf8')
  const unescapeXml = (text: string) =>
    text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
  return [...xml.matchAll(/<t:table-row>(.*)<\/t:table-row>/g)].map(([, row = '']) =>
    [...row.matchAll(/<t:table-cell(?:\/>|[^>]*>(.*?)<\/t:table-cell>)/g)].map(([, cell = '']) =>
      unescapeXml(
        cell
          .replaceAll('</x:p><x:p>', '\n')
          .replace(/<x:s x:c="(\d+)"\/>/g, (_, count) => ' '.repeat(Number(count)))
          .replace(/<\/?x:p>/g, ''),
      ),
    ),
  )
}

test.each(Object.keys(tables))('a table with %s is read as it is', async (name) => {
  const [bytes, expected] = tables[name] as [Buffer, string[][]]
  expect(await sniff(bytes, 'table.csv')).toEqual({ kind: 'format', name: 'csv' })
  expect(await cellsOf(bytes, '')).toEqual(expected)
})

test.runIf(leftOut === '')(
  `a table is printed as text, under its own name${leftOut}`,
  async () => {
    const csv = crlf('00123;4917484012345678901;=1+1', 'Äpfel;1,50;<b> & x', '1-2;"a\nb";@SUM(1)')
    const source = { format: 'csv', name: '/home/ada/Umsätze [Q1] & mehr.csv' }
    const pdf = await print(windows1252(csv), source)
    const words = await wordsOf(pdf)
    expect(words).toMatch(
      /^\s*Umsätze \[Q1\] & mehr\.csv\s+00123 +4917484012345678901 +=1\+1\s+Äpfel +1,50 +<b> & x\s+1-2 +a +@SUM\(1\)\s+b\s+1 ?\/ ?1\s*$/,
    )
    const { holds } = await documentEngine.inspect({ path: pdf.replace(/\.pdf$/, ''), ...source })
    expect(holds, 'what only LibreOffice added is not named as removed').toEqual([])
  },
  patienceMs,
)

test('a cell too long for a page continues in further rows', async () => {
  const words = Array.from({ length: 1500 }, (_, at) => `word${at}`)
  const table = Buffer.from(`id,text,note\n1,${words.join(' ')},end\n2,${'x'.repeat(9000)},b\n`)
  const cells = await cellsOf(table, 'long.csv')
  const [, first, second] = cells.reduce<string[][]>((rows, row) => {
    if (row[0] === '') rows.at(-1)?.push(...row)
    else rows.push(row)
    return rows
  }, [])
  expect(first?.join(' ').match(/word\d+/g)).toEqual(words)
  expect(first).toContain('end')
  expect(second?.join('').replace(/[^x]/g, '')).toHaveLength(9000)
  for (const row of cells) for (const cell of row) expect(cell.length).toBeLessThan(1000)
})

test('a table of more columns than a sheet has is refused', async () => {
  const path = await fileOf(Buffer.from(';'.repeat(16_384)))
  await expect(prepareTable({ path, format: 'csv' }, `${path}.fods`)).rejects.toMatchObject({
    code: 'HERALD_TOO_MANY_PAGES',
    publicMessage: 'The table has 16,385 columns; a sheet has at most 16,384.',
  })
})

const texts: Readonly<Record<string, [Buffer, string]>> = {
  'windows-1252': [windows1252('Größe: 5 € – “ja”…\r\n'), 'Größe: 5 € – “ja”…\r\n'],
  'windows-1252, late in a long line': [
    windows1252(`${'a'.repeat(60_000)} Größe`),
    `${'a'.repeat(60_000)} Größe`,
  ],
  'windows-1251': [windows1251('Привет, мир\r\n'), 'Привет, мир\r\n'],
  'UTF-16': [utf16le('\ufeffGrüße\r\n'), 'Grüße\r\n'],
  'UTF-16 without a mark': [utf16be('Grüße an alle\n'), 'Grüße an alle\n'],
  'UTF-8 with one damaged byte': [
    Buffer.concat([Buffer.from('Grüße an alle. '.repeat(20)), Buffer.from([0xff])]),
    `${'Grüße an alle. '.repeat(20)}\ufffd`,
  ],
}

test.each(Object.keys(texts))('a text in %s is read as it was written', async (name) => {
  const [bytes, expected] = texts[name] as [Buffer, string]
  expect(await sniff(bytes, 'notes.txt')).toEqual({ kind: 'format', name: 'text' })
  const path = await fileOf(bytes)
  await prepareText({ path, format: 'text' }, `${path}.txt`)
  expect(await readFile(`${path}.txt`, 'utf8')).toBe(expected)
  await prepareMarkdown({ path, format: 'markdown' }, `${path}.html`)
  expect(await readFile(`${path}.html`, 'utf8')).toContain(expected.trimEnd())
})

const htmlPage = (charset: string, words: string) =>
  `<html><head>${charset}<title>t</title></head><body><p>${words}</p></body></html>`
const pages: Readonly<Record<string, [Buffer, string]>> = {
  'windows-1252 in its meta': [
    windows1252(htmlPage('<meta charset="windows-1252">', 'Grüße – 5 €')),
    'Grüße – 5 €',
  ],
  'Shift_JIS in its content type': [
    Buffer.concat([
      Buffer.from(
        '<html><meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS"><p>',
      ),
      // 日本語
      Buffer.from([0x93, 0xfa, 0x96, 0x7b, 0x8c, 0xea]),
    ]),
    '日本語',
  ],
  'UTF-16 by its mark, and something else in its meta': [
    utf16le(`\ufeff${htmlPage('<meta charset="iso-8859-1">', 'Grüße – 5 €')}`),
    'Grüße – 5 €',
  ],
  'koi8-r in its XML declaration': [
    Buffer.concat([
      Buffer.from('<?xml version="1.0" encoding="koi8-r"?><html><body><p>'),
      // Привет
      Buffer.from([0xf0, 0xd2, 0xc9, 0xd7, 0xc5, 0xd4]),
      Buffer.from('</p></body></html>'),
    ]),
    'Привет',
  ],
  'nothing, and is windows-1251': [windows1251(htmlPage('', 'Привет, мир')), 'Привет, мир'],
}

test.each(Object.keys(pages))('an HTML page that declares %s is decoded so', async (name) => {
  const [bytes, expected] = pages[name] as [Buffer, string]
  expect(await sniff(bytes)).toEqual({ kind: 'format', name: 'html' })
  const path = await fileOf(bytes)
  await prepareHtml({ path, format: 'html' }, `${path}.html`)
  const text = await readFile(`${path}.html`, 'utf8')
  expect(text).toContain(expected)
  expect(text).not.toMatch(/charset="?(windows|iso|shift)/i)
})

test('text in an unknown encoding is reported as such', async () => {
  const greek = Buffer.from('cae1ebe7ecddf1e120eafcf3ece52c20f4e920eaddede5e9f220'.repeat(3), 'hex')
  expect(await sniff(greek, 'notes')).toEqual({ kind: 'other', description: undecodableText })
})

test.each([
  ['Greek in windows-1253', 'cae1ebe7ecddf1e120eafcf3ece52c20f4e920eaddede5e9f22028f3e7ecdff1e129'],
  ['Russian in KOI8-R', 'f0d2c9d7c5d42c20cdc9d2'],
  ['Japanese in Shift_JIS', '93fa967b8cea82cc83658358836783678145'],
  ['Chinese in GBK', 'd6d0cec4b2e2cad4cec4bcfe2cb1a8b8e6'],
  // 名前,値 山田,5
  ['a Japanese table in Shift_JIS', '96bc914f2c926c0a8e5293632c350a'],
  // りんご,100 みかん,200
  ['a Japanese list in Shift_JIS', '82e882f182b22c3130300a82dd82a982f12c3230300a'],
  // ｱｲｳ ﾃｽﾄ
  ['half-width katakana in Shift_JIS', 'b1b2b320c3bdc4'],
  // 이름,값 홍길동,5
  ['a Korean table in EUC-KR', 'c0ccb8a72cb0aa0ac8abb1e6b5bf2c350a'],
  ['noise', 'd1aef3c880ffee9182b3a6d2e58f9a'],
])('%s is not detected as something else', async (_what, hex) => {
  const bytes = Buffer.from(hex, 'hex')
  expect(await sniff(bytes, 'notes.txt')).toEqual({ kind: 'other', description: undecodableText })
  expect(await sniff(bytes, 'notes')).toEqual({ kind: 'unknown' })
})
