import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { convert, convertOne, refusal } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { halvesPage, pdfFile } from './pdf-file.js'
import { lockedPdf } from './pdf-locked.js'
import { colourAt } from './pictures.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter({ maxPixels: 5_000_000 })
})
afterAll(() => converter.close())

const [red, green, blue] = ['1 0 0', '0 1 0', '0 0 1'].map((rgb) => `${rgb} rg 0 0 200 100 re f`)
const coloured = pdfFile({ pages: [red ?? '', green ?? '', blue ?? ''] })
const halves = pdfFile({ pages: [halvesPage] })

/** How much of a picture is darker than the paper, 0 to 1. */
async function inked(picture: Buffer): Promise<number> {
  const { channels } = await sharp(picture).flatten({ background: '#fff' }).greyscale().stats()
  return 1 - (channels[0]?.mean ?? 0) / 255
}

describe('a page', () => {
  test.each([
    [{}, 417, 208],
    [{ dpi: 72 }, 200, 100],
    [{ dpi: 300 }, 833, 417],
    [{ width: 1000 }, 1000, 500],
    [{ width: 50, dpi: 600 }, 50, 25],
    [{ width: 300, height: 300 }, 300, 150],
    [{ width: 300, height: 300, fit: 'FIT_CONTAIN' }, 300, 300],
    [{ width: 300, height: 300, fit: 'FIT_COVER' }, 300, 300],
    [{ width: 300, height: 300, fit: 'FIT_FILL' }, 300, 300],
    [{ width: 300, height: 300, fit: 'FIT_OUTSIDE' }, 600, 300],
    [{ dpi: 72, rotate: 90 }, 100, 200],
    [{ height: 300, rotate: 270 }, 150, 300],
  ] as const)('asked for with %j has %i × %i pixels', async (asked, width, height) => {
    const { header } = await convertOne(converter.client, halves, { format: 'png', ...asked })
    expect(header).toMatchObject({ width, height, pages: 1 })
  })

  test('is drawn at its size, not drawn small and scaled up: its edges are sharp', async () => {
    const asked = { format: 'png', width: 2000 }
    const { bytes } = await convertOne(converter.client, halves, asked)
    expect(await colourAt(bytes, 998, 500)).toEqual([255, 0, 0])
    expect(await colourAt(bytes, 1001, 500)).toEqual([0, 0, 255])
  })

  test('has white paper, or the requested background', async () => {
    const empty = pdfFile({ pages: [''] })
    const white = await convertOne(converter.client, empty, 'png')
    expect((await colourAt(white.bytes, 5, 5)).slice(0, 3)).toEqual([255, 255, 255])
    const asked = { format: 'png', background: '#ff8040' }
    const orange = await convertOne(converter.client, empty, asked)
    expect((await colourAt(orange.bytes, 5, 5)).slice(0, 3)).toEqual([255, 128, 64])
  })

  test('shows what is typed into its form, and its annotations', async () => {
    const bare = await convertOne(converter.client, pdfFile({ pages: [''] }), 'png')
    const form = await convertOne(converter.client, formPdf, 'png')
    expect(await inked(bare.bytes)).toBe(0)
    expect(await inked(form.bytes)).toBeGreaterThan(0.01)
  })

  test('shows text whose font is not in the file', async () => {
    const page = 'BT /F 30 Tf 10 40 Td (Herald) Tj ET'
    for (const base of ['Helvetica', 'ArialMT', 'NoSuchFont-Bold']) {
      const font = `/F <</Type/Font/Subtype/TrueType/BaseFont/${base}/Encoding/WinAnsiEncoding>>`
      const { bytes } = await convertOne(
        converter.client,
        pdfFile({ pages: [page], fonts: font }),
        'png',
      )
      expect(await inked(bytes), base).toBeGreaterThan(0.02)
    }
  })
})

describe('several pages', () => {
  test('become a rendition each, in their order', async () => {
    const { renditions } = await convert(converter.client, coloured, [
      { format: 'png', everyPage: true },
    ])
    const pages = [...renditions].sort((a, b) => (a.header.page ?? 0) - (b.header.page ?? 0))
    expect(pages.map(({ header }) => header.page)).toEqual([0, 1, 2])
    const seen = await Promise.all(pages.map(({ bytes }) => colourAt(bytes, 50, 50)))
    expect(seen.map((colour) => colour.slice(0, 3))).toEqual([
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
    ])
  })

  test('can be requested one by one, as a picture or as a PDF', async () => {
    const picture = await convertOne(converter.client, coloured, { format: 'png', page: 2 })
    expect((await colourAt(picture.bytes, 50, 50)).slice(0, 3)).toEqual([0, 0, 255])
    const alone = await convertOne(converter.client, coloured, { format: 'pdf', page: 1 })
    expect(alone.header).toMatchObject({ mediaType: 'application/pdf', extension: 'pdf', pages: 1 })
    const again = await convertOne(converter.client, alone.bytes, 'png')
    expect((await colourAt(again.bytes, 50, 50)).slice(0, 3)).toEqual([0, 255, 0])
  })

  test('a missing page is refused with the existing ones', async () => {
    expect(await refusal(converter.client, coloured, [{ format: 'png', page: 3 }])).toMatchObject({
      code: 'HERALD_BAD_OPTION',
      message: 'The file has pages 1 to 3; page 4 was requested.',
    })
  })
})

describe('a PDF', () => {
  const text = coloured.toString('latin1')
  test.each([
    ['zeros behind its end', Buffer.concat([coloured, Buffer.alloc(100_000)])],
    ['a web page behind its end', Buffer.from(`${text}\n<html>${'<p>x</p>\n'.repeat(20_000)}`)],
    ['its last part within a form', Buffer.from(`--b\r\n\r\n${text}\r\n--b--\r\n`)],
    ['no startxref', Buffer.from(text.slice(0, text.indexOf('startxref')))],
    ['an end across two blocks', Buffer.concat([coloured, Buffer.alloc(64 * 1024 - 20)])],
  ])('with %s has its pages', async (_what, bytes) => {
    const { header } = await convertOne(converter.client, bytes, { format: 'png', page: 2 })
    expect(header.page).toBe(2)
  })

  test('made from a PDF reports what was removed', async () => {
    const { summary, renditions } = await convert(converter.client, richPdf, ['pdf'])
    expect([...summary.stripped].sort()).toEqual([
      'attachments',
      'form',
      'outline',
      'properties',
      'scripts',
    ])
    const again = await convert(converter.client, renditions[0]?.bytes as Buffer, ['pdf'])
    expect(again.summary.stripped).toEqual([])
  })

  test('whose owner restricts its use is read, and the restrictions are named', async () => {
    const { summary } = await convert(converter.client, restrictedPdf, ['pdf'])
    expect(summary.stripped).toEqual(['restrictions'])
  })
})

/** Its list of pages names itself as the first page. */
const withoutPage = Buffer.from(
  pdfFile({ pages: [halvesPage] })
    .toString('latin1')
    .replace('/Kids[5 0 R]', '/Kids[2 0 R]'),
  'latin1',
)

describe('what cannot be done is refused', () => {
  const long = pdfFile({ pages: Array.from({ length: 10_000 }, () => '') })

  test.each([
    ['as a picture', { format: 'png' }],
    ['as a PDF', { format: 'pdf' }],
    ['page by page', { format: 'png', everyPage: true }],
  ])('10,000 pages %s, with the limit', async (_how, asked) => {
    const from = performance.now()
    expect(await refusal(converter.client, long, [asked])).toMatchObject({
      code: 'HERALD_TOO_MANY_PAGES',
      message: expect.stringMatching(/10,000.*500/),
    })
    console.log(`10,000 pages refused after ${(performance.now() - from).toFixed(0)} ms`)
  })

  test('but one of the 10,000 is drawn', async () => {
    const asked = { format: 'png', page: 9999 }
    expect((await convertOne(converter.client, long, asked)).header.page).toBe(9999)
  })

  test.each([
    ['by its dots', pdfFile({ pages: [''] }), { dpi: 1200 }],
    ['by itself', pdfFile({ pages: [''], width: 2000, height: 2000 }), {}],
  ])('a page too large %s', async (_how, bytes, asked) => {
    expect(await refusal(converter.client, bytes, [{ format: 'png', ...asked }])).toMatchObject({
      code: 'HERALD_TOO_MANY_PIXELS',
      message: expect.stringMatching(/would be drawn with [\d,]+ pixels.*draws at most 5,000,000/),
    })
  })

  test('a locked PDF, with what to do about it', async () => {
    expect(await refusal(converter.client, lockedPdf, ['png'])).toMatchObject({
      code: 'HERALD_LOCKED_FILE',
      message: 'This PDF is locked with a password.',
      remedy: expect.stringContaining('without one'),
    })
  })

  test('a page of a huge size, at once', async () => {
    const bytes = pdfFile({ pages: [halvesPage], width: 200_000, height: 200_000 })
    expect(await refusal(converter.client, bytes, ['png'])).toMatchObject({
      code: 'HERALD_TOO_MANY_PIXELS',
      message: expect.stringContaining('(416,667 × 416,667)'),
    })
  })

  test.each([
    ['cut off', coloured.subarray(0, coloured.length / 2), /end is missing/],
    ['without pages', pdfFile({ pages: [] }), /has no pages/],
    ['whose first page is its own list of pages', withoutPage, /page 1 cannot be read/],
    ['without anything', Buffer.from('%PDF-1.7\n\nstartxref\n9\n%%EOF'), /damaged|no page/],
  ])('a PDF %s', async (_how, bytes, message) => {
    expect(await refusal(converter.client, bytes, ['png'])).toMatchObject({
      code: 'HERALD_CORRUPT_FILE',
      message: expect.stringMatching(message),
    })
  })
})

/** A text field with a value and no appearance of its own, and a square that is an annotation. */
const formPdf = pdfFile({
  pages: [''],
  page: '/Annots[5 0 R 6 0 R]',
  catalogue:
    '/AcroForm<</Fields[5 0 R]/NeedAppearances true/DR<</Font<</F 3 0 R>>>>/DA(/F 0 Tf 0 g)>>',
  objects: [
    '<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(HERALD)/DA(/F 20 Tf 0 g)/Rect[10 60 150 90]>>',
    '<</Type/Annot/Subtype/Square/Rect[10 10 60 50]/C[1 0 0]/BS<</W 4>>/F 4>>',
  ],
})

/** With everything a PDF made of it loses. */
const richPdf = pdfFile({
  pages: [halvesPage, halvesPage],
  page: '/Annots[9 0 R]',
  trailer: '/Info 11 0 R',
  catalogue:
    '/Outlines 5 0 R/Names<</EmbeddedFiles<</Names[(a.txt) 7 0 R]>>/JavaScript<</Names[(s) 10 0 R]>>>>/AcroForm<</Fields[9 0 R]/DA(/F 0 Tf 0 g)>>',
  objects: [
    '<</Type/Outlines/First 6 0 R/Last 6 0 R/Count 1>>',
    '<</Title(Chapter)/Parent 5 0 R/Dest[12 0 R/Fit]>>',
    '<</Type/Filespec/F(a.txt)/UF(a.txt)/EF<</F 8 0 R>>>>',
    '<</Type/EmbeddedFile/Length 2>>stream\nhi\nendstream',
    '<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(HERALD)/DA(/F 20 Tf 0 g)/Rect[10 60 150 90]>>',
    '<</S/JavaScript/JS(app.alert\\(1\\))>>',
    '<</Title(Plan)/Author(Ada)>>',
  ],
})
/** Opens without a password; the one of its owner is `owner` (ISO 32000-1, 7.6.3: RC4, 40 bits). */
const restrictedPdf = pdfFile({
  pages: [''],
  trailer: `/ID[<${'00'.repeat(16)}><${'00'.repeat(16)}>]/Encrypt<</Filter/Standard/V 1/R 2/P -44/O<c92422687facee686e373f10b5c7d04738053152f7e2ee30e11c69ec442576ab>/U<6be1555ca5515badbd760e84414b9a89e95827b73798fe4118c0ea7d576f4f58>>>`,
})
