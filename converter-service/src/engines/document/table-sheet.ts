import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { HeraldError } from '@herald/proto/errors'
import Papa from 'papaparse'
import { readText } from '../../text-encoding.js'
import type { SourceFile } from '../engine.js'

/** Limits of LibreOffice Calc, which drops what exceeds them. */
const maxRows = 1_048_576
const maxColumns = 16_384

/**
 * In order of precedence: if every row has semicolons and commas, the commas are decimal.
 */
const delimiters = ['\t', ';', ',', '|']
const rowsCompared = 200

const maxHeadingLength = 80
const charsPerCm = 4.7
const minWidthCm = 1.2
const maxWidthCm = 9
/** With a margin for early line breaks; a page has about 30 lines. */
const maxLinesOfRow = 20
/** Of A4, between its margins. */
const portraitWidthCm = 17

/**
 * CSV as a spreadsheet of text cells: nothing is converted to a number, a date or a formula. Each
 * page has the file's name as its heading. Rejects with HERALD_CORRUPT_FILE,
 * HERALD_TOO_MANY_PAGES.
 */
export async function prepareTable({ path, name }: SourceFile, target: string): Promise<void> {
  const rows = parseTable(await readText(path))
  await pipeline(Readable.from(sheet(rows, name ?? '')), createWriteStream(target))
}

function parseTable(text: string): readonly (readonly string[])[] {
  const [line = '', named] = /^"?sep=(.)"?\r?(?:\n|$)/i.exec(text) ?? []
  const body = text.slice(line.length)
  const { data } = Papa.parse<string[]>(body, { delimiter: named ?? findDelimiter(body) })
  // The end of the last line is not an empty row.
  if (data.at(-1)?.length === 1 && data.at(-1)?.[0] === '') data.pop()
  const columns = data.reduce((most, row) => Math.max(most, row.length), 0)
  if (data.length > maxRows) throw tooLarge(data.length, 'rows', maxRows)
  if (columns > maxColumns) throw tooLarge(columns, 'columns', maxColumns)
  return data
}

/** The one with the most rows of equal length; a title may precede them. */
function findDelimiter(text: string): string {
  const scores = delimiters.map((delimiter) => {
    const { data } = Papa.parse<string[]>(text, { delimiter, preview: rowsCompared })
    const rows = new Map<number, number>()
    for (const { length } of data) if (length > 1) rows.set(length, (rows.get(length) ?? 0) + 1)
    return { delimiter, score: Math.max(0, ...rows.values()) }
  })
  return scores.reduce((best, each) => (each.score > best.score ? each : best)).delimiter
}

function tooLarge(count: number, what: string, max: number): HeraldError {
  return new HeraldError(
    'HERALD_TOO_MANY_PAGES',
    `The table has ${count.toLocaleString('en')} ${what}; a sheet has at most ${max.toLocaleString('en')}.`,
    { remedy: 'Split it.' },
  )
}

/** A spreadsheet in one XML file: OpenDocument 1.2, part 1, 3.1.2. */
function* sheet(rows: readonly (readonly string[])[], name: string): Generator<string> {
  const widths = columnWidths(rows)
  const total = widths.reduce((sum, width) => sum + width, 0)
  const [width, height, orientation] =
    total > portraitWidthCm ? [29.7, 21, 'landscape'] : [21, 29.7, 'portrait']
  const heading = escapeXml([...name.replace(/^.*[/\\]/, '')].slice(0, maxHeadingLength).join(''))
  yield `<?xml version="1.0" encoding="UTF-8"?>
<o:document ${namespaces} o:version="1.2" o:mimetype="application/vnd.oasis.opendocument.spreadsheet">
<o:automatic-styles>
<s:style s:name="cell" s:family="table-cell"><s:table-cell-properties f:wrap-option="wrap" s:vertical-align="top"/></s:style>
<s:page-layout s:name="page"><s:page-layout-properties f:page-width="${width}cm" f:page-height="${height}cm" s:print-orientation="${orientation}" f:margin="2cm"/><s:header-style><s:header-footer-properties f:min-height="0.8cm" f:margin-bottom="0.3cm"/></s:header-style><s:footer-style><s:header-footer-properties f:min-height="0.8cm" f:margin-top="0.3cm"/></s:footer-style></s:page-layout>
${widths.map((cm, column) => `<s:style s:name="c${column}" s:family="table-column"><s:table-column-properties s:column-width="${cm}cm"/></s:style>`).join('\n')}
<s:style s:name="table" s:family="table" s:master-page-name="master"/>
</o:automatic-styles>
<o:master-styles><s:master-page s:name="master" s:page-layout-name="page"><s:header><x:p>${heading}</x:p></s:header><s:footer><x:p><x:page-number/> / <x:page-count/></x:p></s:footer></s:master-page></o:master-styles>
<o:body><o:spreadsheet><t:table t:name="1" t:style-name="table">
${widths.map((_, column) => `<t:table-column t:style-name="c${column}" t:default-cell-style-name="cell"/>`).join('')}
`
  for (const row of rows) {
    for (const part of splitRow(row, widths)) {
      yield `<t:table-row>${part.map(cell).join('')}</t:table-row>\n`
    }
  }
  yield '</t:table></o:spreadsheet></o:body></o:document>'
}

const namespaces = [
  ['o', 'office'],
  ['t', 'table'],
  ['x', 'text'],
  ['s', 'style'],
  ['f', 'xsl-fo-compatible'],
]
  .map(([prefix, part]) => `xmlns:${prefix}="urn:oasis:names:tc:opendocument:xmlns:${part}:1.0"`)
  .join(' ')

function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const longest: number[] = []
  for (const row of rows) {
    row.forEach((text, column) => {
      const chars = Math.max(...text.split(/\r\n|\r|\n/).map(({ length }) => length))
      longest[column] = Math.max(longest[column] ?? 0, chars)
    })
  }
  return longest.map((chars) =>
    Number(Math.min(Math.max(chars / charsPerCm + 0.4, minWidthCm), maxWidthCm).toFixed(1)),
  )
}

/** LibreOffice cuts off what does not fit in a row of a page's height: a tall row becomes several. */
function* splitRow(row: readonly string[], widths: readonly number[]): Generator<string[]> {
  const cells = row.map((text, column) =>
    splitCell(text, Math.floor((widths[column] ?? minWidthCm) * charsPerCm)),
  )
  const count = cells.reduce((most, { length }) => Math.max(most, length), 1)
  for (let part = 0; part < count; part++) yield cells.map((parts) => parts[part] ?? '')
}

function splitCell(text: string, charsPerLine: number): string[] {
  if (text.length <= maxLinesOfRow) return [text]
  // Characters of Chinese, Japanese and Korean are twice as wide.
  const lineLength = /[\u1100-\uffdc]/.test(text) ? Math.ceil(charsPerLine / 2) : charsPerLine
  const most = lineLength * maxLinesOfRow
  const piece = new RegExp(`.{1,${most}}(?=\\s|$)|.{1,${most}}`, 'gsu')
  const parts: string[][] = [[]]
  let linesLeft = maxLinesOfRow
  for (const line of text.split(/\r\n|\r|\n/)) {
    for (const words of line.match(piece) ?? ['']) {
      const lines = Math.ceil(words.length / lineLength) || 1
      if (lines > linesLeft) {
        parts.push([])
        linesLeft = maxLinesOfRow
      }
      parts.at(-1)?.push(words)
      linesLeft -= lines
    }
  }
  return parts.map((lines) => lines.join('\n'))
}

function cell(text: string): string {
  if (text === '') return '<t:table-cell/>'
  const lines = text.split(/\r\n|\r|\n/).map((line) => `<x:p>${paragraph(line)}</x:p>`)
  return `<t:table-cell o:value-type="string">${lines.join('')}</t:table-cell>`
}

/** OpenDocument reads several spaces as one, and none at the edges: OpenDocument 1.2, part 1, 6.1.2. */
function paragraph(line: string): string {
  return escapeXml(line)
    .replace(/^ | {2,}| $/g, (spaces) => `<x:s x:c="${spaces.length}"/>`)
    .replaceAll('\t', '<x:tab/>')
}

/** Characters that XML forbids become the replacement character. */
function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
      .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '\ufffd')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
  )
}
