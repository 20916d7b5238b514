import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { convert } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { leftOut, wordsOf } from './printed.js'

/** Encodes as the C library does, which has no part in what reads it. */
const encoded = (text: string, encoding: string) =>
  execFileSync('iconv', ['-f', 'UTF-8', '-t', encoding], { input: text })

const table = (separator: string) =>
  [
    ['Artikel', 'Preis', 'Ort'],
    ['Äpfel', '1,50', 'Köln'],
    ['Birnen, grün', '0012', 'Düsseldorf'],
  ]
    .map((row) => `${row.join(separator)}\r\n`)
    .join('')
const tableWords = /Artikel +Preis +Ort\s+Äpfel +1,50 +Köln\s+Birnen, grün +0012 +Düsseldorf/
const page = (charset: string, words: string) =>
  `<html><head><meta charset="${charset}"></head><body><p>${words}</p></body></html>`

const variants: Readonly<Record<string, readonly [string, Buffer, RegExp]>> = {
  'csv, semicolons, windows-1252': ['a.csv', encoded(table(';'), 'CP1252'), tableWords],
  'csv, tabs, UTF-16 with a mark': ['b.csv', encoded(table('\t'), 'UTF-16'), tableWords],
  'csv, bars, UTF-8 with a mark': ['c.csv', Buffer.from(`\ufeff${table('|')}`), tableWords],
  'text, UTF-16 without a mark': ['d.txt', encoded('Grüße aus Köln', 'UTF-16BE'), /Grüße aus Köln/],
  'text, windows-1251': ['e.txt', encoded('Привет, мир', 'CP1251'), /Привет, мир/],
  'html, Shift_JIS': [
    'f.html',
    encoded(page('Shift_JIS', '日本語の請求書'), 'CP932'),
    /日本語の請求書/,
  ],
}

let converter: ConverterUnderTest
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-matrix-texts-'))
  converter = await startConverter({ timeoutMs: 120_000, cpuMs: 120_000 })
})
afterAll(async () => {
  await converter.close()
  await rm(folder, { recursive: true })
})

describe.runIf(leftOut === '').concurrent.each(Object.keys(variants))('matrix: %s', (name) => {
  test(`becomes pdf${leftOut}`, { timeout: 150_000 }, async ({ task }) => {
    const [fileName, bytes, expected] = variants[name] as (typeof variants)[string]
    const { renditions } = await convert(converter.client, bytes, ['pdf'], { fileName })
    const [pdf] = renditions
    if (!pdf) throw new Error('no rendition')
    expect(pdf.header.pages).toBe(1)
    const path = join(folder, `${fileName}.pdf`)
    await writeFile(path, pdf.bytes)
    expect(await wordsOf(path)).toMatch(expected)
    task.meta.openedBy = ['poppler']
  })
})
